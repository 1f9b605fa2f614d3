/** A TCP proxy before a server on this machine, that makes the network misbehave on demand. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface PostgresProxy {
  readonly port: number;
  /** Passes nothing on any more, as a dead network does. */
  freeze(): void;
  /** The network is alive again; connections that were in it are lost. */
  thaw(): void;
  /** How many messages with this text came. */
  count(text: string): number;
  /** Freezes at the n-th message with this text: before it reaches the server, or once that has answered. */
  freezeAt(text: string, n: number, moment: 'before' | 'after'): void;
  /** The next message with this text reaches the server; then the connection breaks before anything comes back. */
  loseReplyTo(text: string): void;
  /** The server is gone: connections break, and new ones too, until `restore`. */
  cut(): void;
  restore(): void;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<PostgresProxy> {
  const sockets: Socket[] = [];
  let frozen = false;
  let gone = false;
  let loseReplyTo: string | undefined;
  let freezeAt: { readonly text: string; readonly moment: 'before' | 'after'; left: number } | undefined;
  const messages: Buffer[] = [];
  /** Whether the network dies before (after) this message. */
  const freezes = (chunk: Buffer): 'before' | 'after' | null => {
    if (freezeAt === undefined || !chunk.includes(freezeAt.text) || (freezeAt.left -= 1) > 0) return null;
    const { moment } = freezeAt;
    freezeAt = undefined;
    return moment;
  };
  const proxy = createServer((near) => {
    if (gone) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    let isLosing = false;
    sockets.push(near, far);
    let isLast = false;
    near.on('data', (chunk: Buffer) => {
      if (frozen) return;
      messages.push(chunk);
      const moment = freezes(chunk);
      if (moment === 'before') {
        frozen = true;
        return;
      }
      isLast ||= moment === 'after';
      if (loseReplyTo !== undefined && chunk.includes(loseReplyTo)) {
        isLosing = true;
        loseReplyTo = undefined;
      }
      far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (frozen) return;
      // The answer is there, so the server has done it.
      if (isLast) frozen = true;
      else if (isLosing) near.destroy();
      else near.write(chunk);
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined);
      from.on('close', () => frozen || to.destroy());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      for (const socket of sockets) socket.destroy();
    },
    count: (text) => messages.filter((message) => message.includes(text)).length,
    freezeAt: (text, n, moment) => {
      freezeAt = { text, moment, left: n };
    },
    loseReplyTo: (text) => {
      loseReplyTo = text;
    },
    cut: () => {
      gone = true;
      for (const socket of sockets) socket.destroy();
    },
    restore: () => {
      gone = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
