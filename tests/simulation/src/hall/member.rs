//! The clients of the game: they subscribe, publish, and compare what they receive with the model.

use std::time::Duration;

use sysconn::packet::ErrorId;
use sysconn::sim::{End, Expected, Next, Script, ScriptRunner};

use super::calls::MAX_WORKERS;
use super::model::Tag;
use super::state::Shared;
use super::{TOPICS, commands as cmd};
use crate::game::tag;

/// How long a client waits before its last checks: all that was published by then has come by the end.
const LAST_WAIT: Duration = Duration::from_millis(500);
/// The replies that it then waits for, one after the other.
const LAST_CHECKS: u32 = 3;
const ROLES: u64 = 10;

/// The script of a client.
pub(super) struct Member {
    shared: Shared,
    steps: u64,
    returns: u64,
    begun: bool,
    /// The last checks that are left, once it is about to leave.
    checks: Option<u32>,
}

impl Member {
    pub(super) fn new(shared: Shared, steps: u64, returns: u64) -> Self {
        Member { shared, steps, returns, begun: false, checks: None }
    }

    fn request(runner: &mut ScriptRunner, cmd: u16, data: &[u8]) {
        let flag = runner.request(cmd, data);
        runner.expect(Expected { error_id: 0, flag, cmd, data: None });
    }

    /// Makes a request that is answered later.
    fn wait(runner: &mut ScriptRunner) {
        let ms = (runner.random().below(300) as u16).to_be_bytes();
        match runner.random().below(4) {
            0 => Self::request(runner, cmd::WAIT, &ms),
            1 => runner.call_refused(cmd::WAIT_IN_VAIN, b"", ErrorId::NOT_AVAILABLE.0),
            way => {
                let cmd = if way == 2 { cmd::WAIT_UNORDERED } else { cmd::ENTER_LATER };
                let flag = runner.request(cmd, &ms);
                runner.expect_unordered(Expected { error_id: 0, flag, cmd, data: None });
            }
        }
    }

    fn do_something(runner: &mut ScriptRunner) {
        let topic = runner.random().below(TOPICS.into()) as u8;
        match runner.random().below(20) {
            0..5 => Self::request(runner, cmd::JOIN, &[topic]),
            5..7 => Self::request(runner, cmd::LEAVE, &[topic]),
            7..12 => {
                let how = runner.random().below(4) as u8;
                let size = if runner.random().chance(0.1) { 5000 } else { 100 };
                let [a, b] = (runner.random().below(size) as u16).to_be_bytes();
                Self::request(runner, cmd::SAY, &[topic, how, a, b]);
            }
            12..14 => {
                let worker = runner.random().below(MAX_WORKERS as u64) as u8;
                Self::request(runner, cmd::SAY_ELSEWHERE, &[topic, worker]);
            }
            14..16 => Self::request(runner, cmd::CHECK, b""),
            16 => {
                let mut data = (1 + runner.random().below(ROLES)).to_be_bytes().to_vec();
                data.push(runner.random().below(2) as u8);
                runner.may_end(&[End::Closed(Some(4007))]);
                Self::request(runner, cmd::ENTER, &data);
                if runner.random().chance(0.2) {
                    Self::request(runner, cmd::QUIT, b"");
                }
            }
            17..19 => Self::wait(runner),
            _ if runner.random().chance(0.3) => runner.stop_receiving(),
            _ => runner.ping(b"ping"),
        }
    }

    fn leave(&mut self, runner: &mut ScriptRunner) -> Next {
        self.begun = false;
        match runner.random().below(8) {
            0..5 => runner.close(4200),
            5 => runner.half_close(),
            6 => runner.reset(),
            _ => {
                runner.request(cmd::FAIL, &[0]);
                runner.must_end(&[End::Closed(Some(1011))]);
            }
        }
        match self.returns.checked_sub(1) {
            Some(left) => {
                (self.returns, self.steps, self.checks) = (left, 3, None);
                Next::Return(Duration::from_millis(runner.random().below(300)))
            }
            None => Next::Rest,
        }
    }
}

impl Script for Member {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        runner.resume_receiving();
        if !self.begun {
            self.begun = true;
            runner.report_replies();
            runner.may_end(&[End::Closed(Some(4008))]);
            runner.upgrade();
            return Next::Answered;
        }
        if let Some(left) = self.checks {
            if left == 0 {
                return self.leave(runner);
            }
            self.checks = Some(left - 1);
            Self::request(runner, cmd::CHECK, b"");
            return Next::Answered;
        }
        if self.steps == 0 {
            self.checks = Some(LAST_CHECKS);
            return Next::After(LAST_WAIT);
        }
        self.steps -= 1;
        for _ in 0..runner.random().below(6) {
            Self::do_something(runner);
        }
        if runner.random().chance(0.4) {
            runner.resume_receiving();
            return Next::Answered;
        }
        Next::After(Duration::from_millis(runner.random().below(200)))
    }

    fn pushed(&mut self, runner: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        let Some((&[publisher, topic, a, b, c, d], _)) = data.split_first_chunk() else {
            return Err("a push is too short".to_owned());
        };
        if cmd != cmd::PUBLISHED {
            return Err(format!("a push of {cmd}"));
        }
        let number = u32::from_be_bytes([a, b, c, d]);
        self.shared.model().receive(own(runner), publisher, topic, number)
    }

    fn replied(&mut self, runner: &mut ScriptRunner, reply: &Expected) -> Result<(), String> {
        if reply.error_id != 0 {
            return Ok(());
        }
        let data = reply.data.as_deref().unwrap_or_default();
        let Some((&is_late, Ok(call))) = data.split_first().map(|(late, call)| (late, call.try_into()))
        else {
            return Err(format!("a reply of {} bytes to {}", data.len(), reply.cmd));
        };
        self.shared.model().reply(own(runner), u64::from_be_bytes(call) as usize, is_late != 0)
    }
}

fn own(runner: &ScriptRunner) -> Tag {
    tag(runner.peer())
}
