/** Logins at a real OpenSSH server: who the host is, who we are, and how it ends. */
import { createServer, type Server as NetServer } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/core/failure';
import { Secret } from '../../../src/core/secret';
import { openFolder, openTunnel, type SshCredentials } from '../../../src/core/ssh';
import { failureOfAsync } from '../bolt/support';
import { Agent, makeKey, noSshd, publicKey, Sshd } from '../../servers/sshd';

const limits = { connect: 20_000, silence: 20_000 };
let server: Sshd;
let key: string;
let known: string[];
let agent: Agent;

describe.skipIf(noSshd)('over SSH', () => {
  beforeAll(async () => {
    server = new Sshd();
    key = makeKey(join(server.folder, 'id'));
    server.authorize(key);
    writeFileSync(join(server.files, 'a.txt'), 'hello');
    mkdirSync(join(server.files, 'sub'));
    mkdirSync(join(server.files, 'forbidden'), { mode: 0o700 });
    writeFileSync(join(server.files, 'forbidden', 'x'), 'secret');
    spawnSync('ln', ['-s', 'a.txt', join(server.files, 'link')]);
    spawnSync('mkfifo', [join(server.files, 'pipe')]);
    await server.start();
    known = [server.knownHosts('known')];
    agent = new Agent();
    await agent.ready();
  });
  afterAll(async () => {
    await agent.stop();
    await server.remove();
  });

  const enter = async (credentials: SshCredentials): Promise<string> => {
    const folder = await openFolder(server.url(server.files), credentials, limits);
    try {
      return String(await folder.read('a.txt', 10));
    } finally {
      await folder.close();
    }
  };
  const refusal = (credentials: SshCredentials): Promise<Failure> => failureOfAsync(() => enter(credentials));

  describe('the host', () => {
    it('is asked for the kind of key it is known by', async () => {
      for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
        const file = server.knownHosts(`known-${type}`, [`HOST ${publicKey(server.hostKeys[type])}`]);
        expect(await enter({ keyFile: key, knownHosts: [file] })).toBe('hello');
      }
    });

    it('is refused when it is unknown, with all that is needed to decide; confirmed, it is let in', async () => {
      const empty = [server.knownHosts('empty', [])];
      const failure = await refusal({ keyFile: key, knownHosts: empty });
      const listed = spawnSync('ssh-keygen', ['-lf', `${server.hostKeys.ed25519}.pub`], { encoding: 'utf8' }).stdout;
      const fingerprint = listed.split(' ')[1] ?? '';
      expect(failure).toMatchObject({
        code: 'ssh/host-unknown',
        kind: 'unreadable',
        detail: { fingerprint, keyType: 'ssh-ed25519', host: `[127.0.0.1]:${server.port}` },
      });
      expect(failure.remedy).toContain(`--ssh-host-key ${fingerprint}`);
      expect(await enter({ keyFile: key, knownHosts: empty, hostKey: fingerprint })).toBe('hello');
      const other = makeKey(join(server.folder, 'other-host'));
      const wrong = spawnSync('ssh-keygen', ['-lf', `${other}.pub`], { encoding: 'utf8' }).stdout.split(' ')[1] ?? '';
      expect(await refusal({ keyFile: key, knownHosts: empty, hostKey: wrong })).toMatchObject({
        code: 'ssh/host-key-changed',
      });
    });

    it('is never let in with another key than the known one, nor with a revoked one, whatever was confirmed', async () => {
      const other = publicKey(makeKey(join(server.folder, 'another-host')));
      const confirmed = spawnSync('ssh-keygen', ['-lf', `${server.hostKeys.ed25519}.pub`], { encoding: 'utf8' });
      const hostKey = confirmed.stdout.split(' ')[1] ?? '';
      const changed = server.knownHosts('changed', [`HOST ${other}`]);
      expect(await refusal({ keyFile: key, knownHosts: [changed], hostKey })).toMatchObject({
        code: 'ssh/host-key-changed',
        detail: { place: `${changed}:1` },
      });
      const revoked = server.knownHosts('revoked', [`@revoked * ${publicKey(server.hostKeys.ed25519)}`]);
      expect(await refusal({ keyFile: key, knownHosts: [revoked], hostKey })).toMatchObject({
        code: 'ssh/host-key-revoked',
      });
      const certified = server.knownHosts('certified', [`@cert-authority HOST ${other}`]);
      expect(await refusal({ keyFile: key, knownHosts: [certified] })).toMatchObject({ code: 'ssh/host-certificate' });
    });

    it('is found where its name is hashed', async () => {
      const file = server.knownHosts('hashed');
      spawnSync('ssh-keygen', ['-H', '-f', file]);
      expect(await enter({ keyFile: key, knownHosts: [file] })).toBe('hello');
    });
  });

  describe('the login', () => {
    it('goes by agent, and by key where the agent cannot be asked', async () => {
      expect(await refusal({ agent: agent.socket, knownHosts: known })).toMatchObject({
        code: 'ssh/refused-login',
        detail: { tried: 'agent', offered: 'publickey' },
      });
      agent.add(key);
      expect(await enter({ agent: agent.socket, knownHosts: known })).toBe('hello');
      expect(await enter({ agent: '/nowhere', keyFile: key, knownHosts: known })).toBe('hello');
      const failure = await refusal({ agent: '/nowhere', knownHosts: known });
      expect(failure.message).toContain('agent could not be asked');
    });

    it.each([
      ['OpenSSH’s form, RSA', ['-t', 'rsa', '-b', '2048']],
      ['PEM, ECDSA', ['-t', 'ecdsa', '-b', '384', '-m', 'PEM']],
      ['PKCS#8, RSA', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8']],
      ['OpenSSH’s form, Ed25519', ['-t', 'ed25519']],
      ['PEM, RSA', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
    ])('goes by an encrypted key: %s', async (name, args) => {
      const path = makeKey(join(server.folder, name.replaceAll(/\W/g, '')), args, 'open sesame');
      server.authorize(path);
      const keyPassphrase = new Secret('passphrase', 'open sesame');
      expect(await enter({ keyFile: path, keyPassphrase, knownHosts: known })).toBe('hello');
      expect(await refusal({ keyFile: path, knownHosts: known })).toMatchObject({ code: 'ssh/key-passphrase-missing' });
      const wrong = new Secret('passphrase', 'hunter2');
      const failure = await refusal({ keyFile: path, keyPassphrase: wrong, knownHosts: known });
      expect(failure.code).toBe('ssh/key-passphrase-wrong');
      expect(JSON.stringify(failure)).not.toContain('hunter2');
    });

    it('says what was tried, and never a secret', async () => {
      const stranger = makeKey(join(server.folder, 'stranger'));
      const password = new Secret('password', 'hunter2');
      const failure = await refusal({ keyFile: stranger, password, knownHosts: known });
      expect(failure).toMatchObject({ code: 'ssh/refused-login', detail: { tried: 'key', offered: 'publickey' } });
      expect(JSON.stringify(failure)).not.toContain('hunter2');
      expect(await refusal({ knownHosts: known })).toMatchObject({ code: 'ssh/refused-login', detail: { tried: '' } });
      expect(await refusal({ keyFile: `${key}.pub`, knownHosts: known })).toMatchObject({ code: 'ssh/key-file' });
      expect(await refusal({ keyFile: join(server.files, 'a.txt'), knownHosts: known })).toMatchObject({
        code: 'ssh/key-file',
      });
      expect(await refusal({ keyFile: '/nowhere', knownHosts: known })).toMatchObject({ code: 'ssh/key-file' });
    });
  });

  describe('a folder', () => {
    it('is listed and read within bounds', async () => {
      const folder = await openFolder(server.url(server.files), { keyFile: key, knownHosts: known }, limits);
      expect((await folder.list())?.map(({ name, kind }) => [name, kind])).toEqual([
        ['a.txt', 'file'],
        ['forbidden', 'folder'],
        ['link', 'link'],
        ['pipe', 'other'],
        ['sub', 'folder'],
      ]);
      expect(await folder.stat('a.txt')).toMatchObject({ name: 'a.txt', kind: 'file', size: 5 });
      expect(await folder.stat('link')).toMatchObject({ kind: 'link' });
      expect(await folder.stat('none')).toBeNull();
      expect(await folder.list('none')).toBeNull();
      expect(await folder.read('none', 10)).toBeNull();
      await expect(folder.list('a.txt')).rejects.toThrow('folder/not-a-folder');
      await expect(folder.read('a.txt', 4)).rejects.toThrow('folder/too-big');
      for (const name of ['link', 'pipe', 'sub'])
        await expect(folder.read(name, 10)).rejects.toThrow('folder/not-a-file');
      if (process.getuid?.() === 0) {
        await expect(folder.list('forbidden')).rejects.toThrow('folder/no-permission');
        await expect(folder.read('forbidden/x', 10)).rejects.toThrow('folder/no-permission');
      }
      await expect((async () => folder.read('../a', 10))()).rejects.toThrow(TypeError);
      await folder.close();
      await expect(folder.list()).rejects.toThrow('ssh/connection-lost');
    });

    it('reads hundreds of files at once', async () => {
      mkdirSync(join(server.files, 'many'));
      for (let i = 0; i < 300; i += 1) writeFileSync(join(server.files, 'many', `${i}`), `content ${i}`.repeat(i));
      server.give();
      const folder = await openFolder(server.url(join(server.files, 'many')), { keyFile: key, knownHosts: known });
      const entries = (await folder.list()) ?? [];
      const read = await Promise.all(entries.map(({ name }) => folder.read(name, 100_000)));
      expect(read.map(String)).toEqual(entries.map(({ name }) => `content ${name}`.repeat(Number(name))));
      await folder.close();
    });

    it('says so when the connection is cut', async () => {
      const folder = await openFolder(server.url(server.files), { keyFile: key, knownHosts: known }, limits);
      expect(await folder.read('a.txt', 10)).toEqual(Buffer.from('hello'));
      server.cutConnections();
      await expect(folder.list()).rejects.toThrow('ssh/connection-lost');
      await folder.close();
    });
  });

  describe('a tunnel', () => {
    let echo: NetServer;
    let port = 0;
    beforeAll(async () => {
      echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
      await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
      const address = echo.address();
      port = typeof address === 'object' && address !== null ? address.port : 0;
    });
    afterAll(() => void echo.close());

    it('carries bytes both ways, several at once, and ends with its connection', async () => {
      const tunnel = await openTunnel(server.url(), { keyFile: key, knownHosts: known }, limits);
      const streams = await Promise.all([1, 2, 3].map(() => tunnel.open('localhost', port)));
      for (const [index, stream] of streams.entries()) {
        const answer = new Promise<string>((resolve) => stream.once('data', (bytes: Buffer) => resolve(String(bytes))));
        stream.write(`hello ${index}`);
        expect(await answer).toBe(`hello ${index}`);
      }
      const ended = Promise.all(
        streams.map((stream) => new Promise<Error>((resolve) => stream.once('error', resolve))),
      );
      server.cutConnections();
      for (const error of await ended) expect(error.message).toContain('ssh/connection-lost');
      await expect(tunnel.open('localhost', port)).rejects.toThrow('ssh/connection-lost');
      await tunnel.close();
    });

    it('says what is not reached, and what is not allowed', async () => {
      const tunnel = await openTunnel(server.url(), { keyFile: key, knownHosts: known }, limits);
      await expect(tunnel.open('127.0.0.1', 1)).rejects.toThrow('ssh/tunnel-failed');
      await tunnel.close();
      const closed = new Sshd();
      try {
        closed.authorize(key);
        await closed.start(['AllowTcpForwarding no']);
        const hosts = [closed.knownHosts('known')];
        const other = await openTunnel(closed.url(), { keyFile: key, knownHosts: hosts }, limits);
        await expect(other.open('127.0.0.1', port)).rejects.toThrow('ssh/tunnel-prohibited');
        await other.close();
      } finally {
        await closed.remove();
      }
    });
  });

  describe('what cannot be reached', () => {
    it('is said as it is', async () => {
      const credentials = { keyFile: key, knownHosts: known };
      const nobody = createServer();
      await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
      const address = nobody.address() as { port: number };
      const at = (port: number, wait = limits): Promise<Failure> =>
        failureOfAsync(() => openTunnel(`ssh://me@127.0.0.1:${port}`, credentials, wait));
      nobody.on('connection', (socket) => socket.on('error', () => undefined).resume());
      expect(await at(address.port, { connect: 100, silence: 100 })).toMatchObject({ code: 'ssh/timeout' });
      nobody.removeAllListeners('connection').on('connection', (socket) =>
        socket
          .on('error', () => undefined)
          .resume()
          .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      );
      expect(await at(address.port)).toMatchObject({
        code: expect.stringMatching(/^ssh\/(handshake|unreachable)$/) as string,
      });
      await new Promise((resolve) => nobody.close(resolve));
      expect(await at(address.port)).toMatchObject({ code: 'ssh/unreachable', detail: { reason: 'ECONNREFUSED' } });
      expect(await failureOfAsync(() => openTunnel('ssh://me@host.invalid', credentials, limits))).toMatchObject({
        code: 'ssh/unreachable',
      });
    });

    it('speaks nothing that is broken', async () => {
      const old = new Sshd();
      try {
        await old.start(['KexAlgorithms diffie-hellman-group14-sha1']);
        const failure = await failureOfAsync(() => openTunnel(old.url(), { keyFile: key, knownHosts: known }, limits));
        expect(failure).toMatchObject({ code: 'ssh/algorithms', detail: { what: 'key exchange' } });
        await old.stop();
        await old.start(['Ciphers aes128-cbc', 'MACs hmac-sha1']);
        const cipher = await failureOfAsync(() => openTunnel(old.url(), { keyFile: key, knownHosts: known }, limits));
        expect(cipher).toMatchObject({ code: 'ssh/algorithms', detail: { what: 'cipher' } });
      } finally {
        await old.remove();
      }
    });
  });
});
