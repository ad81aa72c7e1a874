//! Carrying out the units of a batch: a request alone, or a group that stands or falls together.

use super::item::{Batch, Item, Rule};
use super::location::{headers, locate};
use super::repeat;
use crate::body::Source;
use crate::call::{Call, entity_path};
use crate::dispatch::{Request, admit, dispatch};
use crate::error::{ApiError, Area};
use crate::negotiate::check_versions;
use crate::references::{References, Referent};
use crate::reply::Reply;
use crate::routes::{Operation, Write};
use axum::http::{HeaderMap, Method, header};
use odata::fault::excerpt;
use odata::path::Resource;
use service::Plan;
use std::borrow::Cow;
use std::future::ready;
use std::sync::OnceLock;
use store::{BoxFuture, Outcome};

/// Carries out a batch.
#[derive(Clone, Copy)]
pub struct Carrier<'c> {
    /// The call that it came with.
    pub call: &'c Call<'c>,
    /// What is to be done.
    pub batch: &'c Batch,
}

/// What came of a unit.
#[derive(Debug)]
pub struct Done {
    /// An answer for each of its requests.
    pub replies: Vec<Reply>,
    /// What later requests may refer to, for each of its requests.
    referents: Vec<Referent>,
    /// Which request's failure is the unit's; the others failed with it.
    pub failed: Option<usize>,
}

/// A member of a group that only waits to be carried out.
struct Member<'c> {
    call: Call<'c>,
    write: Write,
    /// Where it goes, below the version.
    path: &'c str,
}

/// Where a member of a group goes, and what it says.
struct Place<'i> {
    url: String,
    headers: Cow<'i, HeaderMap>,
}

impl<'c> Carrier<'c> {
    /// Begins a unit, unless an earlier failure has ended the batch.
    pub fn start(self, at: usize, results: &[Option<Done>]) -> Option<BoxFuture<'c, Done>> {
        let unit = &self.batch.units[at];
        let items = &self.batch.items[unit.members.clone()];
        let done = |at: &usize| results[*at].as_ref().map(|done| (&self.batch.units[*at], done));
        let failed = unit.after.iter().filter_map(done).find_map(|(before, done)| {
            let at = before.members.start + done.failed?;
            Some(&self.batch.items[at])
        });
        match (self.batch.rule, failed) {
            (Rule::Stop, Some(_)) => return None,
            (Rule::DependentsFail, Some(failed)) => {
                let why = format!("{} failed, which this one depends on; it was not tried", named(failed));
                return Some(Box::pin(ready(self.not_tried(items, &why))));
            }
            _ if items.iter().any(|item| item.conditional) => {
                let why = "`if` is not served, so this was not tried (OData JSON 4.01, section 19.1)";
                return Some(Box::pin(ready(self.not_tried(items, why))));
            }
            _ => {}
        }
        let mut references = References::default();
        for (before, done) in self.batch.before(at).iter().filter_map(done) {
            for (item, referent) in self.batch.items[before.members.clone()].iter().zip(&done.referents) {
                if let Some(id) = &item.id {
                    references.add(id, referent.clone());
                }
            }
        }
        Some(match unit.group {
            None => Box::pin(self.alone(&items[0], references)),
            Some(_) => Box::pin(self.together(items, references)),
        })
    }

    /// Carries out one request.
    async fn alone(self, item: &'c Item, references: References) -> Done {
        let outcome = self.attempt(item, references).await;
        let (reply, referent) = outcome.unwrap_or_else(|error| (error.into_reply(self.call.ids), Referent::Failed));
        let failed = match self.batch.rule {
            Rule::DependentsFail => !reply.status.is_success(),
            Rule::Stop | Rule::GoOn => reply.status.is_client_error() || reply.status.is_server_error(),
        };
        let referent = if failed { Referent::Failed } else { referent };
        Done { replies: vec![reply], referents: vec![referent], failed: failed.then_some(0) }
    }

    async fn attempt(self, item: &Item, references: References) -> Result<(Reply, Referent), ApiError> {
        let url = locate(self.call, item, &references)?;
        let headers = headers(item, &references)?;
        let request = request(self.call, item, &url, &headers, references)?;
        // Boxed: dispatch runs operations, of which the batch is one.
        let reply = Box::pin(dispatch(&request, Source::Read(item.body.clone()))).await?;
        let referent = self.referent(&reply, request.path);
        Ok((reply, referent))
    }

    /// Carries out requests that stand or fall together.
    async fn together(self, items: &'c [Item], references: References) -> Done {
        let mut done = self.group(items, references).await;
        repeat::mark(items, &mut done.replies, done.failed);
        done
    }

    /// Each request is prepared in its turn, on what the ones before will do, and the store carries out
    /// all of them in one transaction.
    async fn group(self, items: &'c [Item], references: References) -> Done {
        let call = self.call;
        let mut plan = call.app.service.plan(call.caller);
        match repeat::read(call, items) {
            Ok(repeatability) => plan.once(repeatability),
            Err((at, error)) => return self.failed(items, at, *error),
        }
        let places: Vec<OnceLock<Place<'_>>> = items.iter().map(|_| OnceLock::new()).collect();
        let members = match self.prepare_all(items, &places, &mut plan, references.clone()).await {
            Ok(members) => members,
            // What was carried out earlier may be what keeps it from being prepared once more.
            Err((at, error)) => match plan.earlier().await {
                Ok(None) => return self.failed(items, at, error),
                Ok(Some(outcomes)) => return self.carried_out_earlier(items, outcomes, references).await,
                Err(error) => return self.failed(items, 0, call.failure(error)),
            },
        };
        let outcomes = match plan.carry_out().await {
            Ok(outcomes) => outcomes,
            Err(failed) => return self.failed(items, failed.at, members[failed.at].call.failure(failed.error)),
        };
        let mut done = Done { replies: Vec::new(), referents: Vec::new(), failed: None };
        for (member, outcome) in members.into_iter().zip(outcomes) {
            let rendered = member.write.answer(&member.call, outcome);
            let reply = rendered.unwrap_or_else(|error| error.into_reply(call.ids));
            done.referents.push(self.referent(&reply, member.path));
            done.replies.push(reply);
        }
        done
    }

    /// Prepares every request of a group; else says which one failed.
    async fn prepare_all<'m>(
        self,
        items: &'c [Item],
        places: &'m [OnceLock<Place<'c>>],
        plan: &mut Plan<'_>,
        mut references: References,
    ) -> Result<Vec<Member<'m>>, (usize, ApiError)>
    where
        'c: 'm,
    {
        let mut members: Vec<Member<'_>> = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let member = prepare(self.call, item, &places[at], plan, &references).await.map_err(|error| (at, error))?;
            if at + 1 < items.len() {
                plan.foresee().await.map_err(|error| (at, member.call.failure(error)))?;
            }
            if let Some(id) = &item.id {
                // What it creates may get its id only in the store.
                let path = match member.call.resource {
                    Resource::Collection(of) => plan.created().map(|id| entity_path(of.set, id.as_str())),
                    Resource::Contained(..) => None,
                    _ => Some(member.path.to_owned()),
                };
                references.add(id, Referent::Entity { path, etag: None });
            }
            members.push(member);
        }
        Ok(members)
    }

    /// Answers a group with what it came to when it was carried out, in an earlier request.
    async fn carried_out_earlier(self, items: &[Item], outcomes: Vec<Outcome>, mut references: References) -> Done {
        let mut done = Done { replies: Vec::new(), referents: Vec::new(), failed: None };
        for (at, (item, outcome)) in items.iter().zip(outcomes).enumerate() {
            match self.render_earlier(item, outcome, &references).await {
                Ok((reply, referent)) => {
                    if let Some(id) = &item.id {
                        references.add(id, referent.clone());
                    }
                    done.referents.push(referent);
                    done.replies.push(reply);
                }
                Err(error) => return self.failed(items, at, error),
            }
        }
        done
    }

    async fn render_earlier(
        self,
        item: &Item,
        outcome: Outcome,
        references: &References,
    ) -> Result<(Reply, Referent), ApiError> {
        let url = locate(self.call, item, references)?;
        let headers = headers(item, references)?;
        let request = request(self.call, item, &url, &headers, references.clone())?;
        let (operation, inner) = admit(&request, Source::Read(item.body.clone())).await?;
        let Operation::Write(write) = operation else { return Err(no_change(item)) };
        let reply = write.answer(&inner, outcome)?;
        let referent = self.referent(&reply, request.path);
        Ok((reply, referent))
    }

    /// What later requests refer to when they refer to one that was answered: where its `Location`
    /// leads, else where it went itself.
    fn referent(self, reply: &Reply, path: &str) -> Referent {
        let location = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let path = location.and_then(|location| location.strip_prefix(&self.call.root())).unwrap_or(path);
        Referent::Entity { path: Some(path.to_owned()), etag: reply.headers.get(header::ETAG).cloned() }
    }

    /// A unit of which nothing was tried.
    fn not_tried(self, items: &[Item], why: &str) -> Done {
        let reply = |_| ApiError::failed_dependency(why).into_reply(self.call.ids);
        Done {
            replies: items.iter().map(reply).collect(),
            referents: vec![Referent::Failed; items.len()],
            failed: Some(0),
        }
    }

    /// A group that failed because one of its requests did.
    fn failed(self, items: &[Item], at: usize, error: ApiError) -> Done {
        let why = format!("{} of the same group failed, so nothing of the group was carried out", named(&items[at]));
        let mut done = self.not_tried(items, &why);
        done.replies[at] = error.into_reply(self.call.ids);
        done.failed = Some(at);
        done
    }
}

/// Checks a member of a group, and adds what it is to do to the plan.
async fn prepare<'i: 'm, 'm>(
    call: &'m Call<'m>,
    item: &'i Item,
    place: &'m OnceLock<Place<'i>>,
    plan: &mut Plan<'_>,
    references: &References,
) -> Result<Member<'m>, ApiError> {
    if item.method == Method::GET {
        return Err(no_change(item));
    }
    let found = Place { url: locate(call, item, references)?, headers: headers(item, references)? };
    let place = place.get_or_init(|| found);
    let request = request(call, item, &place.url, &place.headers, references.clone())?;
    let (operation, inner) = admit(&request, Source::Read(item.body.clone())).await?;
    let Operation::Write(write) = operation else { return Err(no_change(item)) };
    plan.add((write.prepare)(&inner, plan).await?);
    if item.referred {
        plan.settle_id();
    }
    Ok(Member { call: inner, write, path: request.path })
}

fn no_change(item: &Item) -> ApiError {
    let message = format!("{} changes nothing; in a group that stands or falls together are only changes", item.method);
    ApiError::bad_request(Area::Risk, message)
}

/// A request of a batch as one that came alone.
fn request<'r>(
    call: &'r Call<'r>,
    item: &'r Item,
    url: &'r str,
    headers: &'r HeaderMap,
    references: References,
) -> Result<Request<'r>, ApiError> {
    check_versions(headers)?;
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Ok(Request {
        app: call.app,
        caller: call.caller,
        ids: call.ids,
        origin: call.origin,
        version: call.version,
        method: &item.method,
        path,
        query,
        headers,
        batch: Some(references),
    })
}

/// Names a request in a message.
fn named(item: &Item) -> String {
    item.id.as_deref().map_or_else(|| "another request".to_owned(), |id| format!("the request {}", excerpt(id)))
}
