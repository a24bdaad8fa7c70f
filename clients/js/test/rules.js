// The client's rules against a real server, for every runtime: Node, a page, and a runtime with nothing in it.
//
// It is a plain script, so that each of them can load it. `sysconn` is the package, `control` does things to the
// connections: "cut", "freeze", "restart". `check` takes a name and whether that holds.

"use strict";

async function rules(given) {
  const clients = [];
  try {
    await tryRules(given, clients);
  } finally {
    // Those that are left open would keep the runtime from its end.
    for (const each of clients) each.close();
  }
}

/** The clients that it makes go into the list. */
async function tryRules({ sysconn, url, connector, control, check, setTimeout }, clients) {
  const { Client, Refused, TimedOut, Ended } = sysconn;
  const { account, room, echo } = sysconn.messages;
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const backoff = { firstMs: 20, maxMs: 100 };
  let role = BigInt("9007199254740993");
  const client = (options, roleId) => {
    const login = () => ({ command: account.login, message: { account: "ä游😀", roleId, kind: 1 } });
    const made = new Client(url, { connector, backoff, ...(roleId ? { login } : {}), ...options });
    clients.push(made);
    return made;
  };
  /** What a promise rejects with. */
  const fails = (promise) =>
    promise.then(
      () => undefined,
      (error) => error,
    );
  /** Waits until something holds. */
  const until = async (what, holds) => {
    for (let i = 0; i < 2000; i++) {
      if (holds()) return;
      await sleep(5);
    }
    check(what, false);
  };
  const bytes = (size) => new Uint8Array(size).map((_, i) => i % 251);
  const same = (one, other) => one.length === other.length && one.every((byte, i) => byte === other[i]);
  const deferred = (ms) => new Uint8Array([0, 0, ms >> 8, ms & 255, 7]);

  // Login first, then the calls that wait, then "open".
  {
    const mine = ++role;
    const one = client({}, mine);
    const seen = [];
    one.on("state", (state) => seen.push(state));
    const opening = one.connect();
    check("connect begins at once", one.state === "connecting");
    one.call(room.join, { room: "a" }).then(() => seen.push("joined"));
    await opening;
    await until("a waiting call is answered", () => seen.length > 3);
    check("login comes before calls", seen.join() === "connecting,login,open,joined");

    // Typed messages, 64-bit ids, text, pushes.
    const pushes = [];
    const raw = [];
    let thrown = 0;
    one.on("error", (error) => (thrown += error.message === "mine"));
    one.on(room.said, () => {
      throw new Error("mine");
    });
    const off = one.on(room.said, (said) => pushes.push(said));
    one.on(1210, (data) => raw.push(data));
    const text = "a é 游戏 😀 𝄞";
    await one.call(room.say, { room: "a", text });
    await until("a push comes", () => raw.length === 1);
    check(
      "a push has its message",
      pushes.length === 1 && pushes[0].text === text && pushes[0].roleId === mine,
    );
    check("a handler by number gets bytes", raw.length === 1 && raw[0].length > 0);
    check("a handler that throws harms no other", thrown === 1);
    off();
    await one.call(room.say, { room: "a", text });
    await until("a second push comes", () => raw.length === 2);
    check("a handler that was removed is not called", pushes.length === 1 && raw.length === 2);
    const time = await one.call(account.serverTime);
    check("64-bit numbers are bigints", typeof time.serverTimeMs === "bigint");
    await until("the heartbeat is answered", () => one.rttMs !== undefined);
    check("the server's clock is known", Math.abs(one.serverNow() - Number(time.serverTimeMs)) < 5000);
    check("nothing is buffered", one.bufferedAmount === 0);
    one.close();
    check("closed by itself", one.state === "closed");
  }

  const plain = client({ timeoutMs: 5000 });
  await plain.connect();

  for (const size of [0, 1, 65534, 65535, 65536, 300000])
    check(`an echo of ${size} bytes`, same(await plain.call(echo.echo, bytes(size)), bytes(size)));
  const many = await Promise.all([...bytes(200)].map((byte) => plain.call(1101, new Uint8Array([byte]))));
  check(
    "each call has its own answer",
    many.every((answer, i) => answer[0] === i),
  );

  // Refusals.
  let error = await fails(plain.call(echo.refuse, new Uint8Array([1, 2])));
  check("a refusal", error instanceof Refused && error.errorId === 258 && error.cmd === 1103);
  const refused = [];
  plain.on("refused", (refusal) => refused.push(refusal.errorId));
  check(
    "a post leaves",
    plain.post(echo.refuse, new Uint8Array([0, 100])) && plain.post(echo.sink, bytes(9)),
  );
  await plain.call(echo.echo);
  check("the refusal of a post is an event", refused.join() === "100");

  // Streams.
  let count = 0;
  const begun = [];
  for (let stream = plain.stream(echo.burst, new Uint8Array([0, 200])); count < 150;) {
    const { value } = await stream.next();
    begun.push(value[3]);
    if (++count === 150)
      check("return ends a stream", (await stream.return()).done && (await stream.next()).done);
  }
  check(
    "a stream has its replies in order",
    begun.every((value, i) => value === i),
  );
  const short = plain.stream(echo.burst, new Uint8Array([0, 3]), { timeoutMs: 2000 });
  const replies = [];
  for (let next; !(next = await short.next()).done;) replies.push(next.value[3]);
  check("a stream ends after a silence", replies.join() === "0,1,2");
  const crowded = plain.stream(echo.burst, new Uint8Array([2, 0]));
  await plain.call(echo.echo);
  let taken = 0;
  error = await fails(
    (async () => {
      while (!(await crowded.next()).done) taken++;
    })(),
  );
  check("at most 256 replies wait", taken === 256 && error instanceof Ended && error.mayHaveRun);

  // Time limits; the answer to a Flag that was given up is no push.
  let unhandled = 0;
  plain.on("unhandled", () => unhandled++);
  const before = plain.dropped;
  error = await fails(plain.call(echo.deferred, deferred(300), { timeoutMs: 30 }));
  check("a call times out", error instanceof TimedOut && error.cmd === 1105 && error.mayHaveRun);
  await plain.call(echo.echo);
  check("a late answer is counted and dropped", plain.dropped === before + 1 && unhandled === 0);

  // A loss: what has left may have run, what has not waits or fails.
  const leaves = fails(plain.call(echo.deferred, deferred(5000)));
  const broken = plain.stream(echo.deferred, deferred(5000));
  await sleep(30);
  await control("cut");
  error = await leaves;
  check("a call that left ends", error instanceof Ended && error.code === 1006 && error.mayHaveRun);
  check("a stream throws the end", (await fails(broken.next())) instanceof Ended);
  error = await fails(plain.call(echo.echo, bytes(1), { offline: "reject" }));
  check("a call may not wait", error instanceof Ended && !error.mayHaveRun);
  check("a post does not leave", plain.post(echo.echo) === false);
  check("a call waits for the next connection", same(await plain.call(echo.echo, bytes(5)), bytes(5)));

  // The server restarts. A paced drain says how long to stay away.
  const times = [];
  const noMore = plain.on("state", () => times.push(Date.now()));
  const restarted = fails(plain.call(echo.deferred, deferred(5000)));
  await control("restart");
  check("after a restart it comes back", same(await plain.call(echo.echo, bytes(6)), bytes(6)));
  noMore();
  error = await restarted;
  check("a restart ends calls with 1001", error.code === 1001 && error.mayHaveRun);
  if (/retry=1$/.test(error.reason)) check("a paced drain keeps it away for a second", times[1] - times[0] > 990);

  // A handler that panics: 1011, later.
  error = await fails(plain.call(echo.panic));
  check("1011 is tried again", error instanceof Ended && error.code === 1011 && error.advice === "later");
  await plain.connect();
  check("and comes back", plain.state === "open");

  // Replaced by a newer login: never.
  const older = client({}, ++role);
  await older.connect();
  const newer = client({}, role);
  const lost = fails(older.call(echo.deferred, deferred(5000)));
  await sleep(20);
  await newer.connect();
  error = await lost;
  check("4007 is the end", error.code === 4007 && error.advice === "never" && older.state === "closed");
  check("a closed client fails calls", (await fails(older.call(echo.echo))) instanceof Ended);
  await older.connect();
  check("and can connect again", older.state === "open");

  // A login that is refused for good, and one that ended for a while.
  const nobody = client({ login: () => ({ command: account.login, message: {} }) });
  error = await fails(nobody.connect());
  check(
    "a refused login rejects",
    error instanceof Refused && error.errorId === 7 && nobody.state === "closed",
  );
  let logins = 0;
  const patient = client({
    login: () => ({ command: echo.refuse, message: new Uint8Array([0, ++logins < 3 ? 5 : 9]) }),
  });
  error = await fails(patient.connect());
  check("ErrorID 5 is tried again", error.errorId === 9 && logins === 3);

  // The URL may be asked for each time.
  let asked = 0;
  const asks = new Client(() => (asked++, Promise.resolve(url)), { connector, backoff });
  clients.push(asks);
  await asks.connect();

  // Half-open connections.
  const idle = client({ idleMs: 1500, heartbeat: { command: 1044, everyMs: 50 } });
  await idle.connect();
  await sleep(2000);
  check("heartbeats keep it open", idle.state === "open");
  let idleEnds = 0;
  let plainEnds = 0;
  idle.on("state", () => idleEnds++);
  plain.on("state", () => plainEnds++);
  await control("freeze");
  const frozen = Date.now();
  plain.wake();
  await until("silence is noticed", () => idleEnds > 0);
  check("silence of idleMs is noticed before an unanswered wake", plainEnds === 0);
  await until("an unanswered wake is noticed", () => plainEnds > 0);
  check("an unanswered wake takes 3 s", Date.now() - frozen >= 2900);
  check("after silence it comes back", same(await plain.call(echo.echo, bytes(7)), bytes(7)));
  check("the URL was asked for", asked >= 1);

  for (const each of clients) each.close();
  check(
    "all are closed",
    clients.every((each) => each.state === "closed"),
  );
}

if (typeof module !== "undefined") module.exports = { rules };
