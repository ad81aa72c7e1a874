//! Which unit of a batch is begun when: as soon as those before it are done, so that what does not
//! hang together runs at once and creates share one sync.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use store::BoxFuture;

/// Runs units, each at most once and after those that `after` lists for it. `start` is told what came
/// of the units before; where it begins nothing, the unit and those after it are never done. Answers
/// what came of each.
pub async fn run<'f, T>(
    after: &[&[usize]],
    mut start: impl FnMut(usize, &[Option<T>]) -> Option<BoxFuture<'f, T>>,
) -> Vec<Option<T>> {
    let mut results: Vec<Option<T>> = after.iter().map(|_| None).collect();
    let mut waiting: Vec<usize> = (0..after.len()).collect();
    let mut running = FuturesUnordered::new();
    loop {
        waiting.retain(|at| {
            let ready = after[*at].iter().all(|before| results[*before].is_some());
            if ready && let Some(unit) = start(*at, &results) {
                let at = *at;
                running.push(async move { (at, unit.await) });
            }
            !ready
        });
        match running.next().await {
            Some((at, result)) => results[at] = Some(result),
            None => return results,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::task::Poll;

    /// For each unit: after which earlier ones it comes, how often it is polled before it is done, and
    /// whether it is begun at all.
    fn graphs() -> impl Strategy<Value = Vec<(Vec<usize>, usize, bool)>> {
        let unit = (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0..6_usize, prop::bool::weighted(0.9));
        prop::collection::vec(unit, 0..20).prop_map(|units| {
            let after = |at: usize, some: Vec<prop::sample::Index>| match at {
                0 => Vec::new(),
                _ => some.into_iter().map(|before| before.index(at)).collect(),
            };
            units.into_iter().enumerate().map(|(at, (some, polls, begun))| (after(at, some), polls, begun)).collect()
        })
    }

    proptest! {
        #[test]
        fn each_unit_runs_once_after_those_before_it(graph in graphs()) {
            let after: Vec<&[usize]> = graph.iter().map(|(after, ..)| after.as_slice()).collect();
            let (begun, ended) = (RefCell::new(Vec::new()), std::sync::Mutex::new(Vec::new()));
            let run = run(&after, |at, results: &[Option<usize>]| {
                begun.borrow_mut().push(at);
                for before in &graph[at].0 {
                    assert_eq!(results[*before], Some(*before), "{at} begins before {before} is done");
                }
                let (mut polls, ended) = (graph[at].1, &ended);
                let unit = std::future::poll_fn(move |context| {
                    if polls == 0 {
                        ended.lock().expect("no test panics here").push(at);
                        return Poll::Ready(at);
                    }
                    polls -= 1;
                    context.waker().wake_by_ref();
                    Poll::Pending
                });
                graph[at].2.then_some(Box::pin(unit) as BoxFuture<'_, usize>)
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let results = runtime.block_on(run);
            let mut possible = vec![true; graph.len()];
            for at in 0..graph.len() {
                possible[at] = graph[at].2 && graph[at].0.iter().all(|before| possible[*before]);
                prop_assert_eq!(results[at], possible[at].then_some(at), "what can run does");
            }
            let mut begun = begun.into_inner();
            begun.sort_unstable();
            let all = begun.len();
            begun.dedup();
            prop_assert_eq!(begun.len(), all, "none is begun twice");
            prop_assert_eq!(ended.into_inner().expect("no test panics here").len(), results.iter().flatten().count());
        }
    }

    #[test]
    fn what_does_not_hang_together_runs_at_once() {
        // Two that wait for each other to begin can only be done when both are begun.
        let begun = std::sync::atomic::AtomicUsize::new(0);
        let start = |_, _: &[Option<()>]| {
            begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let unit = std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if begun.load(std::sync::atomic::Ordering::SeqCst) == 2 { Poll::Ready(()) } else { Poll::Pending }
            });
            Some(Box::pin(unit) as BoxFuture<'_, ()>)
        };
        let results = run(&[&[], &[]], start).now_or_never();
        assert_eq!(results, Some(vec![Some(()), Some(())]));
    }
}
