// A network between us and the server that can be cut or frozen.
import net from 'node:net';

export interface Proxy {
  readonly port: number;
  /** Ends all connections at once. */
  cut(): void;
  /** Swallows everything from now on, as a lost network does. */
  freeze(): void;
  close(): void;
}

export async function startProxy(to: number): Promise<Proxy> {
  const sockets = new Set<net.Socket>();
  let frozen = false;
  const server = net.createServer((near) => {
    const far = net.connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('data', (chunk: Buffer) => {
        if (!frozen) other.write(chunk);
      });
      one.on('close', () => {
        if (!frozen) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    cut,
    freeze: () => {
      frozen = true;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
