// vitest's global setup: one MySQL server for the whole run, started when the first test file asks for it (by importing
// ./mysql) and ended with the run. Test files run in other processes, so the address travels over a local connection.
import net from 'node:net';
import { startMysql, type MysqlAddress, type MysqlServer } from '../../scripts/mysql.mjs';

export const SERVER_VARIABLE = 'SLIPWAY_TEST_SERVER';
export type ServerAnswer = { server: MysqlAddress } | { missing: string };

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[SERVER_VARIABLE]) return undefined; // another vitest project of this run has set it up
  let starting: Promise<MysqlServer> | undefined;

  const answer = async (): Promise<ServerAnswer> => {
    const first = !starting;
    starting ??= startMysql({ fast: true });
    try {
      const server = await starting;
      const { kind, origin, version, url, host, port, socket, user, password } = server;
      const { clientCommand, clientArgs, clientEnv } = server;
      const name =
        kind === 'mariadb' ? 'MariaDB (Fleet does not support it!)' : kind === 'external' ? 'external' : 'MySQL';
      if (first) process.stderr.write(`Database tests run on: ${name} ${version} (${origin}) at ${host}:${port}\n`);
      return {
        server: {
          kind,
          origin,
          version,
          url,
          host,
          port,
          socket,
          user,
          password,
          clientCommand,
          clientArgs,
          clientEnv,
        },
      };
    } catch (error) {
      const missing = error instanceof Error ? error.message : String(error);
      if (first) process.stderr.write(`Database tests are skipped: ${missing}\n`);
      return { missing };
    }
  };

  const desk = net.createServer((socket) => {
    socket.on('error', () => undefined);
    void answer().then((reply) => socket.end(JSON.stringify(reply)));
  });
  await new Promise<void>((resolve, reject) => {
    desk.once('error', reject);
    desk.listen(0, '127.0.0.1', resolve);
  });
  desk.unref();
  const address = desk.address();
  if (address === null || typeof address === 'string') throw new Error('no port for the test server desk');
  process.env[SERVER_VARIABLE] = String(address.port);

  return async () => {
    Reflect.deleteProperty(process.env, SERVER_VARIABLE);
    desk.close();
    const server = await starting?.catch(() => undefined);
    await server?.stop();
  };
}
