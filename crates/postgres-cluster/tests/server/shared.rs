//! The server that tests share.

use postgres_cluster::shared;

#[test]
fn each_test_has_a_database_of_its_own_and_none_is_left() {
    let (first, second) = (shared().database(), shared().database());
    assert_ne!(first.url(), second.url());
    first.sql("create table t (n int)").expect("it is SQL");
    second.sql("create table t (n int)").expect("the other has a table of that name, not this");
    assert_eq!(first.sql("select current_database()").expect("it is SQL"), first.name());
    let names = format!("select count(*) from pg_database where datname in ('{}', '{}')", first.name(), second.name());
    let count = || shared().sql("postgres", &names).expect("it is SQL");
    assert_eq!(count(), "2");
    drop((first, second));
    assert_eq!(count(), "0");
}

#[test]
fn copies_are_made_from_a_template_that_is_filled_once() {
    let name = format!("template_{}", std::process::id());
    let fill = |url: &str| {
        let database = url.rsplit('/').next().expect("it is a URL");
        shared().sql(database, "create table t (n int); insert into t values (7)").expect("it is SQL");
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| shared().template(&name, fill).expect("one of them stays"));
        }
    });
    shared().template(&name, |_| panic!("it is there")).expect("it is there");
    let (first, second) = (shared().database_from(&name), shared().database_from(&name));
    first.sql("delete from t").expect("it is SQL");
    assert_eq!(second.sql("select n from t").expect("it is SQL"), "7");
    drop((first, second));
    shared().sql("postgres", &format!("drop database {name}")).expect("nobody is connected");
}
