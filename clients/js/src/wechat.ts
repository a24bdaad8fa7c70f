// Sockets of WeChat's mini-games and mini-programs.

import type { Connector, Socket } from "./types.js";

/** The part of WeChat's `wx.connectSocket` task that the adapter uses. */
export interface SocketTask {
  onOpen(listener: () => void): void;
  onMessage(listener: (event: { data: string | ArrayBuffer }) => void): void;
  onClose(listener: (event: { code?: number; reason?: string }) => void): void;
  onError(listener: (event: { errMsg?: string }) => void): void;
  send(options: { data: ArrayBuffer; fail?: () => void }): void;
  close(options: { code?: number; reason?: string }): void;
}

/** The part of WeChat's global `wx` that the adapter uses. */
export interface Wx {
  connectSocket(options: {
    url: string;
    tcpNoDelay: boolean;
    protocols?: string[];
    fail?: (error: { errMsg?: string }) => void;
  }): SocketTask;
  onShow?(listener: () => void): void;
  offShow?(listener: () => void): void;
  onHide?(listener: () => void): void;
  onAppShow?(listener: () => void): void;
  offAppShow?(listener: () => void): void;
  onAppHide?(listener: () => void): void;
  onNetworkStatusChange?(listener: (event: { isConnected: boolean }) => void): void;
  offNetworkStatusChange?(listener: (event: { isConnected: boolean }) => void): void;
}

/** The connector for `wx`: `new Client(url, { connector: wechat(wx) })`. Create it once. */
export function wechat(wx: Wx): Connector {
  let hidden = false;
  // Games have onShow, other programs onAppShow.
  const onShow = (wx.onShow || wx.onAppShow || (() => {})).bind(wx);
  const offShow = (wx.offShow || wx.offAppShow || (() => {})).bind(wx);
  const onHide = (wx.onHide || wx.onAppHide || (() => {})).bind(wx);
  onHide(() => (hidden = true));
  onShow(() => (hidden = false));

  const connector: Connector = (url, protocols) => connect(wx, url, protocols, () => hidden);
  connector.watch = (wake) => {
    const shown = () => wake();
    const changed = ({ isConnected }: { isConnected: boolean }) => isConnected && wake();
    onShow(shown);
    if (wx.onNetworkStatusChange) wx.onNetworkStatusChange(changed);
    return () => {
      offShow(shown);
      if (wx.offNetworkStatusChange) wx.offNetworkStatusChange(changed);
    };
  };
  return connector;
}

function connect(wx: Wx, url: string, protocols: string[] | undefined, isHidden: () => boolean): Socket {
  let readyState = 0;
  let task: SocketTask | undefined;
  const closed = (code = 1006, reason = "") => {
    if (readyState === 3) return;
    readyState = 3;
    // WeChat closes the sockets of a hidden game by itself, and calls that a normal end.
    if (code === 1000 && isHidden()) code = 1006;
    if (socket.onclose) socket.onclose({ code, reason });
  };
  const broken = ({ errMsg }: { errMsg?: string }) => closed(1006, errMsg);
  const socket: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    get readyState() {
      return readyState;
    },
    send(data: ArrayBuffer) {
      // The game must not believe that it left.
      const fail = () => {
        closed(1006, "not sent");
        task!.close({});
      };
      task!.send({ data, fail });
    },
    close(code, reason) {
      if (task) task.close(code ? { code, reason } : {});
    },
  };
  task = wx.connectSocket({ url, tcpNoDelay: true, ...(protocols && { protocols }), fail: broken });
  // Nobody could listen yet.
  if (readyState === 3) throw new Error("WeChat refuses the socket");
  task.onOpen(() => {
    readyState = 1;
    if (socket.onopen) socket.onopen({});
  });
  task.onMessage(({ data }) => socket.onmessage && socket.onmessage({ data }));
  task.onClose(({ code, reason }) => closed(code, reason));
  task.onError(broken);
  return socket;
}
