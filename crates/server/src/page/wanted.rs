//! Which queues an address is about, and on which pages their chat may be.

use crate::app::App;
use crate::http::params::path_number;
use crate::http::{Code, Error, Fault};
use crate::queue::{self, Queue};

const QUEUES_MAX: usize = 10;

/// The queues that an address names: one to ten numbers with commas between them. One that is switched off is left out, as long
/// as another one is there: what was begun in it goes on.
pub async fn named(app: &App, numbers: &str) -> Result<Vec<Queue>, Error> {
    let wrong = || {
        let shown: String = numbers.chars().filter(|c| !c.is_control()).take(64).collect();
        Fault::new(Code::UnknownQueue).with("id", shown)
    };
    let ids: Option<Vec<_>> = numbers.split(',').map(|it| path_number(it.trim())).collect();
    let ids = ids.filter(|ids| ids.len() <= QUEUES_MAX).ok_or_else(wrong)?;
    app.db
        .read(move |tx| {
            let mut queues: Vec<Queue> = Vec::new();
            for id in &ids {
                let queue = queue::find(tx, *id)?;
                let queue = queue.ok_or_else(|| queue::fault(Code::UnknownQueue, *id))?;
                if !queues.iter().any(|known| known.id == queue.id) {
                    queues.push(queue);
                }
            }
            Ok(in_use(queues))
        })
        .await
}

/// The queue that takes conversations, when there is no other one.
pub async fn only(app: &App) -> Result<Option<Queue>, Error> {
    let mut queues = in_use(app.db.read(queue::list).await?);
    let is_alone = queues.len() == 1;
    Ok(queues.pop().filter(|_| is_alone))
}

/// Without those that are switched off, unless that is all of them.
fn in_use(mut queues: Vec<Queue>) -> Vec<Queue> {
    if queues.iter().any(|queue| queue.is_enabled) {
        queues.retain(|queue| queue.is_enabled);
    }
    queues
}

/// Origins of pages that the chat of these queues may be on: those that every queue allows which names some. None when none does:
/// then any page may.
pub fn origins(queues: &[Queue]) -> Option<Vec<String>> {
    let mut naming = queues.iter().map(|it| &it.settings.origins).filter(|it| !it.is_empty());
    let mut origins = naming.next()?.clone();
    for others in naming {
        origins.retain(|origin| others.contains(origin));
    }
    // What is written into a policy must not end it.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_".contains(c);
    origins.retain(|origin| origin.chars().all(is_plain));
    Some(origins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Settings;

    #[test]
    fn the_chat_of_several_queues_may_be_where_each_of_them_may() {
        let queue = |origins: &[&str]| {
            let origins = origins.iter().map(|&it| it.to_owned()).collect();
            let settings = Settings { origins, ..Settings::default() };
            Queue { id: 1, name: String::new(), is_enabled: true, settings }
        };
        let (any, one) = (queue(&[]), queue(&["https://a.example", "https://b.example:8443"]));
        let (other, odd) = (queue(&["https://b.example:8443"]), queue(&["https://a;script-src *"]));
        let texts = |list: &[&str]| Some(list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        assert_eq!(origins(std::slice::from_ref(&any)), None);
        assert_eq!(origins(&[any.clone(), one.clone()]), Some(one.settings.origins.clone()));
        assert_eq!(origins(&[one, any, other.clone()]), texts(&["https://b.example:8443"]));
        assert_eq!(origins(&[other, odd.clone()]), texts(&[]));
        assert_eq!(origins(&[odd]), texts(&[]));
    }
}
