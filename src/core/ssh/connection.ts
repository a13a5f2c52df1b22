/**
 * A login at another machine: who it is, who we are, and what runs over the connection. ssh2 is known to this folder
 * alone, and loaded when the first connection is made.
 */
import type * as Ssh from 'ssh2';
import type { Algorithms, Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { type FailureError } from '../failure';
import type { SshAddress } from './address';
import { SSH_LIMITS, type SshCredentials, type SshLimits } from './credentials';
import { openKeyFile } from './key-file';
import { judgeHostKey, knownTypes, readKnownHosts, typeOf, type KnownHost } from './known-hosts';
import { Login } from './login';
import {
  connectionLost,
  hostKeyFailure,
  loginFailure,
  noSftp,
  silent,
  tunnelFailure,
  type SshError,
} from './ssh-failure';
import { TunnelStream } from './tunnel-stream';

/**
 * What is spoken: nothing with SHA-1, DSA, CBC, RC4 or MD5, and no compression (it has been turned against secrets).
 * AES-GCM first: the machine's own instructions do it.
 */
const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const;

/** Signatures of host keys, and the kind of key each is made with. */
const HOST_KEYS = [
  ['ssh-ed25519', 'ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
  ['ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp384'],
  ['ecdsa-sha2-nistp521', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'ssh-rsa'],
  ['rsa-sha2-256', 'ssh-rsa'],
] as const;

/** One connection, logged in. */
export class SshConnection {
  readonly address: SshAddress;
  readonly #client: Client;
  readonly #limits: SshLimits;
  /** Told when the connection ends: whoever still waits for something. */
  readonly #waiting = new Set<(failure: FailureError) => void>();
  readonly #streams = new Set<TunnelStream>();
  #doing = 'nothing was asked of it';
  #ended: FailureError | null = null;
  #cause: unknown = null;
  #heard = performance.now();
  #watch: NodeJS.Timeout | null = null;
  #sftp: Promise<SFTPWrapper> | null = null;

  private constructor(address: SshAddress, client: Client, limits: SshLimits) {
    this.address = address;
    this.#client = client;
    this.#limits = limits;
    client.on('error', (error) => (this.#cause ??= error));
    client.on('close', () => this.#end(connectionLost(address, this.#doing, this.#cause)));
  }

  /**
   * Connects, has the host prove who it is, and logs in. Nothing of ours is sent before the host has.
   * @throws FailureError `ssh/unreachable`, `ssh/timeout`, `ssh/handshake`, `ssh/algorithms`, `ssh/known-hosts`,
   *   `ssh/host-unknown`, `ssh/host-certificate`, `ssh/host-key-changed`, `ssh/host-key-revoked`, `ssh/refused-login`,
   *   `ssh/key-file`, `ssh/key-passphrase-missing`, `ssh/key-passphrase-wrong`. The detail of the host-… ones has
   *   `host`, `fingerprint` and `keyType`.
   */
  static async open(
    address: SshAddress,
    credentials: SshCredentials,
    limits: SshLimits = SSH_LIMITS,
  ): Promise<SshConnection> {
    const known = await readKnownHosts(credentials.knownHosts);
    const { Client, createAgent, utils } = await loadSsh();
    const { keyFile, keyPassphrase, agent, password, hostKey } = credentials;
    const key = keyFile === undefined ? undefined : openKeyFile(keyFile, keyPassphrase, utils.parseKey);
    const client = new Client();
    const login = new Login(
      {
        user: address.user,
        ...(agent === undefined || agent === '' ? {} : { agent: createAgent(agent) }),
        ...(key ? { key } : {}),
        ...(password ? { password } : {}),
      },
      () => client.end(),
    );
    let refusal: FailureError | null = null;
    let first: SshError | null = null;
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(refusal ?? loginFailure(first, address, login.tried));
      // One timer over all of it: ssh2's own begins again with each step of a slow name lookup.
      const timer = setTimeout(() => {
        first ??= Object.assign(new Error('no login in time'), { level: 'client-timeout' });
        fail();
        client.destroy();
      }, limits.connect);
      client.once('ready', () => {
        clearTimeout(timer);
        resolve();
      });
      client.on('error', (error: SshError) => {
        // Without the agent the other ways are still there.
        if (error.level === 'agent') login.agentFailed = true;
        else first ??= error;
        if (error.level === 'client-socket') fail();
      });
      client.once('close', () => {
        clearTimeout(timer);
        fail();
      });
      client.connect({
        host: address.host,
        port: address.port,
        username: address.user,
        authHandler: login.next,
        hostVerifier: (shown: Buffer) => {
          const standing = judgeHostKey(known, address, { type: typeOf(shown), key: shown });
          refusal = hostKeyFailure(address, { type: typeOf(shown), key: shown }, standing, hostKey);
          return refusal === null;
        },
        algorithms: { ...ALGORITHMS, serverHostKey: hostKeyOrder(known, address) } as unknown as Algorithms,
        keepaliveInterval: Math.min(15_000, limits.silence / 2),
        keepaliveCountMax: 3,
        readyTimeout: 0,
      });
    }).catch((error: unknown) => {
      client.destroy();
      throw error;
    });
    return new SshConnection(address, client, limits);
  }

  /**
   * A question to the other side.
   * @param doing for messages: `reading /var/db/x`
   * @param start asks; calls back with ssh2's error as it is
   * @throws FailureError `ssh/connection-lost`, `ssh/timeout`; otherwise what `failed` makes of the error
   */
  async ask<T>(
    doing: string,
    start: (done: (error: Error | null | undefined, answer: T) => void) => void,
    failed: (error: SshError) => FailureError,
  ): Promise<T> {
    if (this.#ended !== null) throw this.#ended;
    this.#doing = doing;
    if (this.#waiting.size === 0) this.#heard = performance.now();
    this.#watch ??= setInterval(() => this.#look(), Math.max(10, this.#limits.silence / 4)).unref();
    let give: (failure: FailureError) => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        give = reject;
        this.#waiting.add(give);
        start((error, answer) => {
          this.#heard = performance.now();
          if (!error) resolve(answer);
          // What has no status is no answer of the other side's: the connection, or the channel, is gone.
          else if ((error as SshError).code === undefined && !('reason' in error)) this.#orphan(error, doing, reject);
          else reject(failed(error));
        });
      });
    } finally {
      this.#waiting.delete(give);
    }
  }

  /** The SFTP session, opened when it is first asked for. Its own failures are `ssh/no-sftp`. */
  sftp(): Promise<SFTPWrapper> {
    this.#sftp ??= this.ask<SFTPWrapper>(
      'starting SFTP',
      (done) =>
        this.#client.sftp((error, sftp) => {
          // An error of the session reaches those who wait by way of their own callbacks.
          if (!error) sftp.on('error', () => undefined).on('close', () => this.#end(this.#lost()));
          done(error && Object.assign(error, { code: (error as SshError).code ?? 'no-sftp' }), sftp);
        }),
      (error) => noSftp(this.address, error),
    );
    return this.#sftp;
  }

  /**
   * Connects from there to a host as it is called there.
   * @throws FailureError `ssh/tunnel-failed`, `ssh/tunnel-prohibited`, `ssh/connection-lost`, `ssh/timeout`
   */
  async openStream(host: string, port: number): Promise<TunnelStream> {
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const channel = await this.ask<ClientChannel>(
      `connecting to ${target}`,
      (done) => this.#client.forwardOut('127.0.0.1', 0, host, port, done),
      (error) => tunnelFailure(this.address, target, error),
    );
    const stream = new TunnelStream(channel);
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  /** Says goodbye. Never throws; whoever still waits gets `ssh/connection-lost`. */
  async close(): Promise<void> {
    if (this.#ended !== null) return;
    const closed = new Promise<void>((resolve) => this.#client.once('close', () => resolve()));
    const patience = setTimeout(() => this.#client.destroy(), 2_000);
    this.#end(this.#lost());
    this.#client.end();
    await closed;
    clearTimeout(patience);
  }

  #lost(): FailureError {
    return connectionLost(this.address, this.#doing, this.#cause);
  }

  #end(failure: FailureError): void {
    this.#ended ??= failure;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const give of waiting) give(this.#ended);
    const streams = [...this.#streams];
    this.#streams.clear();
    for (const stream of streams) stream.destroy(this.#ended);
  }

  /** An error without a status: the connection's end says more, and comes at once or not at all. */
  #orphan(error: Error, doing: string, reject: (failure: FailureError) => void): void {
    this.#cause ??= error;
    reject(this.#ended ?? connectionLost(this.address, doing, error));
  }

  /** Ends a connection on which nothing is heard although something was asked. */
  #look(): void {
    if (this.#waiting.size === 0 || performance.now() - this.#heard < this.#limits.silence) return;
    this.#end(silent(this.address, this.#doing));
    this.#client.destroy();
  }
}

/** ssh2 is CommonJS: bundled or not, its names may hang on `default` alone. */
async function loadSsh(): Promise<typeof Ssh> {
  const loaded = (await import('ssh2')) as typeof Ssh & { default?: typeof Ssh };
  return loaded.default ?? loaded;
}

/** The kinds a host is known by first, as OpenSSH orders them: else it could show one that nobody can judge. */
function hostKeyOrder(known: readonly KnownHost[], address: SshAddress): string[] {
  const types = knownTypes(known, address);
  const names = (wanted: boolean): string[] =>
    HOST_KEYS.filter(([, type]) => types.has(type) === wanted).map(([name]) => name);
  return [...names(true), ...names(false)];
}
