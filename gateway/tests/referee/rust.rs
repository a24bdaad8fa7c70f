//! The driver of the library's own client.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sysconn::client::{Client, ClientError, Ended, Packet};

use super::driver::{Subject, TICK, bytes, hex, now};

/// A call or a stream that waits for replies.
struct Call {
    id: u32,
    flag: u32,
    deadline: Instant,
    is_stream: bool,
}

/// A client, as long as it is connected, and its calls.
#[derive(Default)]
pub(crate) struct RustClient {
    client: Option<Client>,
    calls: Vec<Call>,
}

fn number(command: &Value, key: &str) -> u32 {
    command[key].as_u64().unwrap().try_into().unwrap()
}

pub(crate) fn ended(id: u32, ended: &Ended, may_have_run: bool) -> Value {
    json!({
        "event": "ended",
        "id": id,
        "code": ended.code,
        "reason": ended.reason,
        "advice": ended.advice().to_string(),
        "mayHaveRun": may_have_run,
    })
}

fn without_close(code: u16) -> Ended {
    Ended { code, reason: String::new() }
}

impl RustClient {
    fn end(&mut self, end: &Ended, events: &mut Vec<Value>) {
        self.client = None;
        events.extend(self.calls.drain(..).map(|call| ended(call.id, end, true)));
        events.push(json!({"event": "closed"}));
    }

    fn call(&mut self, command: &Value, is_stream: bool, events: &mut Vec<Value>) {
        let (id, cmd) = (number(command, "id"), number(command, "cmd").try_into().unwrap());
        let sent = self.client.as_mut().map(|client| client.request(cmd, &bytes(&command["data"])));
        match sent {
            Some(Ok(flag)) => {
                let timeout = Duration::from_millis(number(command, "timeoutMs").into());
                self.calls.push(Call { id, flag, deadline: now() + timeout, is_stream });
            }
            _ => events.push(ended(id, &without_close(1006), false)),
        }
    }

    /// Reports what has come, which is one packet at most.
    fn deliver(&mut self, events: &mut Vec<Value>) {
        let Some(client) = &mut self.client else { return };
        if let Some(Packet { cmd, data, .. }) = client.try_push() {
            events.push(json!({"event": "push", "cmd": cmd, "data": hex(&data)}));
        }
        self.calls.retain(|call| {
            let Some(reply) = client.try_reply(call.flag) else { return true };
            let (id, is_refusal) = (call.id, reply.error_id.0 != 0);
            events.push(match reply.error_id.0 {
                0 => json!({"event": "reply", "id": id, "data": hex(&reply.data)}),
                error => json!({"event": "refused", "id": id, "error": error}),
            });
            let goes_on = call.is_stream && !is_refusal;
            if !goes_on {
                client.forget(call.flag);
            }
            goes_on
        });
    }
}

impl Subject for RustClient {
    fn obey(&mut self, command: &Value, events: &mut Vec<Value>) {
        match command["do"].as_str().unwrap() {
            "connect" => {
                let url = command["url"].as_str().unwrap().parse().unwrap();
                let mut client = Client::connect(&url).unwrap();
                client.set_last_flag(number(command, "lastFlag"));
                client.stream().set_read_timeout(Some(TICK)).unwrap();
                self.client = Some(client);
                events.push(json!({"event": "open"}));
            }
            "call" => self.call(command, false, events),
            "stream" => self.call(command, true, events),
            "stop" => {
                let id = number(command, "id");
                for call in self.calls.extract_if(.., |call| call.id == id) {
                    self.client.as_mut().unwrap().forget(call.flag);
                }
            }
            "post" => {
                let cmd = number(command, "cmd").try_into().unwrap();
                self.client.as_mut().unwrap().post(cmd, &bytes(&command["data"])).unwrap();
            }
            "close" => {
                self.client.take().unwrap().close();
                self.end(&without_close(1000), events);
            }
            "end" => *self = RustClient::default(),
            other => panic!("{other} is for clients that reconnect"),
        }
    }

    fn poll(&mut self, events: &mut Vec<Value>) {
        match self.client.as_mut().map(Client::receive) {
            None => std::thread::sleep(TICK),
            Some(Ok(())) => self.deliver(events),
            Some(Err(ClientError::TimedOut)) => {}
            Some(Err(ClientError::Ended(end))) => self.end(&end, events),
            Some(Err(_)) => self.end(&without_close(1002), events),
        }
        let now = now();
        for call in self.calls.extract_if(.., |call| call.deadline <= now) {
            self.client.as_mut().unwrap().forget(call.flag);
            events.push(json!({"event": "timeout", "id": call.id}));
        }
    }
}
