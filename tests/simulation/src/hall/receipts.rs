//! What a client receives, compared with the model.

use std::fmt::Display;

use super::model::{Member, Model, Number, Published, Publisher, Tag};

impl Model {
    /// A client has received a publish.
    pub(crate) fn receive(
        &mut self,
        tag: Tag,
        publisher: Publisher,
        topic: Number,
        number: u32,
    ) -> Result<(), String> {
        self.received += 1;
        let (key, number) = ((publisher, topic), number as usize);
        let what = format!("publish {number} of {publisher} to {topic}");
        let Some(published) = self.published.get(&key).and_then(|all| all.get(number)) else {
            return Err(format!("{what} was never made"));
        };
        let Some(member) = self.members.get(&tag) else { return Err(format!("{what}: {tag:x} is not open")) };
        let next = member.next.get(&key).copied().unwrap_or_default();
        if number < next {
            return Err(format!("{what} came to {tag:x} after {}", next - 1));
        }
        if published.except == Some(tag) || !self.may(member, publisher, topic, published) {
            return Err(format!(
                "{what} came to {tag:x}, which is no subscriber: {published:?}, {:?}",
                member.spans.get(&topic)
            ));
        }
        let checked = member.checked.get(&key).copied().unwrap_or_default();
        for missed in next.max(checked)..number {
            self.check_missed(tag, key, missed, &format_args!("publish {number}"))?;
        }
        if let Some(member) = self.members.get_mut(&tag) {
            member.next.insert(key, number + 1);
        }
        Ok(())
    }

    /// A client has received a reply that was made at this call: what was published before must have come,
    /// and, unless the reply was deferred, what its own worker published later must not.
    pub(crate) fn reply(&mut self, tag: Tag, call: usize, is_deferred: bool) -> Result<(), String> {
        let Some(member) = self.members.get(&tag) else { return Ok(()) };
        let mut done = vec![];
        for (&(publisher, topic), all) in &self.published {
            let is_own = usize::from(publisher) == member.worker;
            let next = member.next.get(&(publisher, topic)).copied().unwrap_or_default();
            if is_own && !is_deferred && all[..next].last().is_some_and(|last| last.call > call) {
                return Err(format!("publish {} to {topic} overtook a reply to {tag:x}", next - 1));
            }
            let checked = member.checked.get(&(publisher, topic)).copied().unwrap_or_default();
            let mut number = next.max(checked);
            while let Some(published) = all.get(number)
                && published.call < call
                && (is_own || self.calls.is_delivered(published.call, call, member.worker))
            {
                self.check_missed(tag, (publisher, topic), number, &format_args!("a reply of call {call}"))?;
                number += 1;
            }
            done.push(((publisher, topic), number));
        }
        if let Some(member) = self.members.get_mut(&tag) {
            member.checked.extend(done);
        }
        Ok(())
    }

    /// Checks that a publish that has not come, although something of a later call has, did not have to.
    fn check_missed(
        &self,
        tag: Tag,
        (publisher, topic): (Publisher, Number),
        number: usize,
        later: &dyn Display,
    ) -> Result<(), String> {
        let Some(member) = self.members.get(&tag) else { return Ok(()) };
        let Some(published) = self.published.get(&(publisher, topic)).and_then(|all| all.get(number)) else {
            return Ok(());
        };
        let is_own = usize::from(publisher) == member.worker;
        let spans = member.spans.get(&topic).map_or(&[][..], Vec::as_slice);
        let must = published.except != Some(tag)
            && spans.iter().any(|span| span.must(&self.calls, published.call, member.worker, is_own));
        if must {
            let what = format!("publish {number} of {publisher} to {topic} has not come to {tag:x}");
            return Err(format!("{what}: {published:?}, {spans:?}; but {later} has"));
        }
        Ok(())
    }

    /// Whether a member may receive a publish.
    fn may(&self, member: &Member, publisher: Publisher, topic: Number, published: &Published) -> bool {
        let is_own = usize::from(publisher) == member.worker;
        let spans = member.spans.get(&topic).map_or(&[][..], Vec::as_slice);
        spans.iter().any(|span| span.may(&self.calls, published.call, member.worker, is_own))
    }
}
