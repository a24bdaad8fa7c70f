// What an application hands to the client.

import type { Advice } from "./errors.js";

/** Makes bytes of messages and messages of bytes; any library can be behind it. */
export interface Codec<T> {
  encode(message: T): Uint8Array;
  decode(data: Uint8Array): T;
}

/** A command with the codecs of its messages. Without a codec it takes, or gives, bytes. */
export interface Command<Q = Uint8Array, R = Uint8Array> {
  cmd: number;
  request?: Codec<Q>;
  reply?: Codec<R>;
}

/** A command, or its number, with bytes both ways. */
export type CommandLike<Q, R> = Command<Q, R> | number;

/** The part of a WebSocket that the client uses. */
export interface Socket {
  binaryType?: string;
  readonly readyState?: number;
  readonly bufferedAmount?: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: any): void;
  close(code?: number, reason?: string): void;
  /** Cuts the connection without a closing handshake, where the library can. */
  terminate?(): void;
}

/** Opens a socket. */
export interface Connector {
  (url: string, protocols?: string[]): Socket;
  /** Calls `wake` whenever the network or the page may have come back; returns what ends that. */
  watch?(wake: () => void): () => void;
}

export interface Heartbeat {
  /** A command without Data that is answered. */
  command: number;
  /** 0: only to see whether the server answers after `wake`. */
  everyMs: number;
}

export interface Login {
  command: CommandLike<any, any>;
  message?: unknown;
}

export interface Options {
  /** Opens sockets; by default `new WebSocket`. */
  connector?: Connector;
  /** Subprotocols, in the order of preference. */
  protocols?: string[];
  /** The first request of each connection. */
  login?: () => Login | Promise<Login>;
  /** What keeps the connection alive; by default command 1044 every 25 s. False: there is no such command. */
  heartbeat?: Heartbeat | false;
  /** How long a call waits for its answer, a stream for its next reply; 10 s. */
  timeoutMs?: number;
  /** How long opening a socket may take; 10 s. 0: no limit. */
  connectTimeoutMs?: number;
  /** After how much silence of the server to connect again; 60 s, and without a heartbeat never. 0: never. */
  idleMs?: number;
  /** The random waits before connecting again: below `firstMs` (1 s), then twice that, to `maxMs` (60 s). */
  backoff?: { firstMs?: number; maxMs?: number };
  /** How many calls may wait for a connection; 256. */
  maxPending?: number;
  /** Overrides what a close code says about connecting again. */
  advice?: (code: number, reason: string) => Advice | undefined;
  /** Inflates zlib streams; by default `DecompressionStream`. */
  inflate?: (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** Gets a line for each change of state and each fault. */
  log?: (line: string) => void;
}

export interface CallOptions {
  /** Overrides that of the client. 0: no limit. */
  timeoutMs?: number;
  /** Gives the call up. What has left is not taken back. */
  signal?: AbortSignal;
  /** What to do without a connection: wait for the next (the default), or fail at once. */
  offline?: "reject" | "wait";
}

export type State = "closed" | "connecting" | "login" | "open" | "waiting";
