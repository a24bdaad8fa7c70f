//! The side thread: it serves pages and figures and does what is due from time to time, beside the reactors.
//! If nothing asks for it there is none.

use std::pin::Pin;

use tokio::task::LocalSet;

/// Calls that may block, such as reading a file, at one time. Each has a thread while it runs.
pub(crate) const MAX_BLOCKING: usize = 8;

/// Begins on the side thread, and goes on for as long as the program runs, or until it has no more to do.
type Task = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What the side thread will do.
#[derive(Default)]
pub(crate) struct Side {
    tasks: Vec<Task>,
}

impl Side {
    /// Adds a task: a function that is called on the thread, and returns what it does there. All tasks share
    /// the thread, so none may block. The end or a panic of one ends no other.
    pub(crate) fn add<F>(&mut self, task: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        self.tasks.push(Box::new(move || Box::pin(async move { task().await })));
    }

    /// Starts the thread, if there is a task. It ends with the program.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    pub(crate) fn start(self) -> Result<(), String> {
        if self.tasks.is_empty() {
            return Ok(());
        }
        let failed = |error| format!("cannot start a thread: {error}");
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(MAX_BLOCKING).build().map_err(failed)?;
        let run = move || {
            let all = LocalSet::new();
            for task in self.tasks {
                all.spawn_local(async move { task().await });
            }
            runtime.block_on(all);
        };
        std::thread::Builder::new().name("side".into()).spawn(run).map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn tasks_share_a_thread_and_outlive_each_other() {
        let (sender, receiver) = channel();
        let mut side = Side::default();
        side.add(|| async { panic!("ends this one only") });
        side.add(|| async {});
        for number in 0..2 {
            let sender = sender.clone();
            side.add(move || async move {
                tokio::task::yield_now().await;
                sender.send((number, std::thread::current().id())).unwrap();
            });
        }
        drop(sender);
        side.start().unwrap();
        let told: Vec<_> = receiver.iter().collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].1, told[1].1);
        assert_ne!(told[0].1, std::thread::current().id());
    }
}
