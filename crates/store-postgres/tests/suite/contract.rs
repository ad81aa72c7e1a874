//! The contract that every store keeps, each case as a test of its own.

use crate::support::Harness;
use store::contract::CASES;

/// Makes two tests of each name, and a list of all names: over a database as it is made, and over one whose tables have
/// hash partitions by tenant.
macro_rules! cases {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_, case) = CASES.iter().find(|(name, _)| *name == stringify!($name)).expect("a case of the contract");
                case(&Harness::new().await).await;
            }
        )*
        mod over_partitions {
            use super::{CASES, Harness};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (_, case) = CASES.iter().find(|(name, _)| *name == stringify!($name)).expect("a case of the contract");
                    case(&Harness::over_partitions().await).await;
                }
            )*
        }
    };
}

store::contract_cases!(cases);

#[test]
fn every_case_of_the_contract_is_run() {
    let cases: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, cases);
}
