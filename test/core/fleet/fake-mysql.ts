// Speaks just enough of MySQL's protocol to be a server of any version that answers what it is told to.
import { createServer } from 'mysql2';
import type net from 'node:net';
import type { FleetTarget } from '../../../src/core/fleet/connection';

interface ServerSide {
  on(event: 'query', handler: (sql: string) => void): void;
  on(event: 'error' | 'ping' | 'quit' | 'stmt_prepare', handler: () => void): void;
  serverHandshake(options: object): void;
  writeOk(options?: object): void;
  writeTextResult(rows: object[], columns: object[]): void;
  sequenceId: number;
}

export interface FakeOptions {
  readonly version: string;
  readonly readOnly?: boolean;
  /** Rows to answer a statement with; undefined: the usual. */
  readonly answer?: (sql: string) => Record<string, string | null>[] | undefined;
}

export async function startFakeMysql(options: FakeOptions): Promise<{ target: FleetTarget; close(): Promise<void> }> {
  const readOnly = options.readOnly === true ? '1' : '0';
  const server = createServer((connection) => {
    const side = connection as unknown as ServerSide;
    // mysql2's server side leaves the counting of packets to whoever answers.
    const answering = (work: () => void): void => {
      side.sequenceId = 1;
      work();
      side.sequenceId = 0;
    };
    const ok = (): void => answering(() => side.writeOk());
    const rows = (list: Record<string, string | null>[]): void => {
      const names = Object.keys(list[0] ?? { none: '' });
      answering(() =>
        side.writeTextResult(
          list,
          names.map((name) => ({
            catalog: 'def',
            schema: '',
            table: '',
            orgTable: '',
            name,
            orgName: name,
            characterSet: 45,
            columnLength: 255,
            columnType: 253,
            type: 253,
            flags: 0,
            decimals: 0,
          })),
        ),
      );
    };
    side.on('error', () => undefined);
    side.on('ping', ok);
    // mysql2's server takes SET for a prepared statement.
    side.on('stmt_prepare', ok);
    side.on('query', (sql) => {
      const own = options.answer?.(sql);
      if (own !== undefined) rows(own);
      else if (sql.startsWith('SELECT VERSION()')) {
        rows([
          {
            version: options.version,
            hostname: 'fake',
            read_only: readOnly,
            sql_mode: 'STRICT_TRANS_TABLES',
            max_allowed_packet: '67108864',
            time_zone: 'SYSTEM',
            system_time_zone: 'UTC',
          },
        ]);
      } else if (sql.includes('@@server_uuid')) rows([{ server_uuid: 'u', super_read_only: readOnly }]);
      else if (sql.includes('binlog_format')) rows([{ Variable_name: 'binlog_format', Value: 'ROW' }]);
      else ok();
    });
    side.serverHandshake({
      protocolVersion: 10,
      serverVersion: options.version,
      connectionId: 1,
      statusFlags: 2,
      characterSet: 45,
      capabilityFlags: 0xffffff & ~0x800, // no TLS
      authCallback: (_: object, done: (error: null, refusal: null) => void) => {
        done(null, null);
        side.sequenceId = 0;
      },
    });
  });
  await new Promise<void>((resolve) => {
    (server as unknown as net.Server).listen(0, '127.0.0.1');
    (server as unknown as { _server: net.Server })._server.once('listening', () => resolve());
  });
  const { port } = (server as unknown as { _server: net.Server })._server.address() as net.AddressInfo;
  return {
    target: {
      address: { host: '127.0.0.1', port, user: 'u', database: 'd' },
      password: null,
      tls: { mode: 'disabled', caFile: null },
      plaintextConfirmed: false,
      mariaDbAllowed: false,
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
