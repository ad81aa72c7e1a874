//! The contract that every store keeps, each case as a test of its own.

use crate::support::Folder;
use store::contract::CASES;

/// Makes a test of each name, and a list of all of them.
macro_rules! cases {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_, case) = CASES.iter().find(|(name, _)| *name == stringify!($name)).expect("a case of the contract");
                case(&Folder::new()).await;
            }
        )*
    };
}

store::contract_cases!(cases);

#[test]
fn every_case_of_the_contract_is_run() {
    let cases: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, cases);
}
