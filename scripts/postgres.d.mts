/** What is needed to talk to a server. */
export interface PostgresAddress {
  origin: 'installed' | 'debian' | 'SLIPWAY_TEST_POSTGRES_URL';
  version: string;
  host: string;
  port: number;
  user: string;
  password: string;
  url: string;
  pid?: number;
}

export interface PostgresServer extends PostgresAddress {
  /** Ends the server and removes its folder. An external server is left alone. */
  stop(): Promise<void>;
}

export function startPostgres(): Promise<PostgresServer>;
