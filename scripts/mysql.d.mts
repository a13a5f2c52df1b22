export class MysqlUnavailable extends Error {}

export interface ProvisionedMysql {
  /** 'mariadb' is the last rung, which Fleet does not support; 'external' is SLIPWAY_TEST_MYSQL_URL. */
  kind: 'mysql' | 'mariadb' | 'external';
  origin: 'debian-sid' | 'path' | 'SLIPWAY_TEST_MYSQL_URL';
  version: string;
  /** Program and first arguments; empty for an external server. */
  mysqldCommand: string[];
  /** MySQL's plain command line client, or undefined where none could be had. */
  clientCommand: string[] | undefined;
  clientExtra: string[];
  serverArgs: string[];
  /** An initialised, empty data folder that servers start from. */
  template?: string;
}

export interface StartOptions {
  /** Default: any free port. */
  port?: number;
  /** Default: a temporary one that goes with the server. One that is given is filled if empty, and kept. */
  dataDir?: string;
  /** More arguments for mysqld, such as '--require-secure-transport=ON'. */
  extraArgs?: string[];
  /** Certificates of a CA of its own for 127.0.0.1 and localhost, or for another host's name. Default: MySQL's self-made ones. */
  ssl?: boolean | 'wrong-host';
  /** Write a binary log. Default: no. */
  binlog?: boolean;
  /** Never wait for the disk: what was committed outlasts a kill of the server, but not of the machine. Default: no. */
  unsynced?: boolean;
  /** Give up durability for speed, altogether. Default: no. */
  fast?: boolean;
  timeoutMs?: number;
  provision?: ProvisionedMysql;
}

export interface CertificateFiles {
  caFile: string;
  /** A CA that did not sign anything here. */
  otherCaFile: string;
  certFile: string;
  keyFile: string;
  wrongHostCertFile: string;
  wrongHostKeyFile: string;
}

/** What is needed to talk to a server; plain data, goes through JSON. */
export interface MysqlAddress {
  kind: ProvisionedMysql['kind'];
  origin: ProvisionedMysql['origin'];
  version: string;
  url: string;
  host: string;
  port: number;
  socket?: string | undefined;
  user: string;
  password: string;
  tls?: CertificateFiles | undefined;
  clientCommand?: string[] | undefined;
  /** Arguments that lead `mysql` to this server; `--no-defaults` first. */
  clientArgs: string[];
  clientEnv: Record<string, string>;
}

export interface MysqlServer extends MysqlAddress {
  readonly pid: number | undefined;
  /** What the server has written to its error log so far. */
  log(): string;
  /** Ends the server and removes its temporary folder. An external server is left alone. */
  stop(): Promise<void>;
  /** Sends a signal (default SIGKILL) and waits for the end; the data stay, `restart` brings the server back. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the server properly, if it runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

export function cacheFolder(): string;
export function provisionMysql(options?: { refresh?: boolean }): Promise<ProvisionedMysql>;
export function startMysql(options?: StartOptions): Promise<MysqlServer>;
