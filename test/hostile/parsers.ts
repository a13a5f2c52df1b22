/** Every parser of what comes from outside, as the fuzzing calls it: what it may answer, and what it may refuse with. */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CpioReader } from '../../src/core/agent/payload';
import { readTableOfContents } from '../../src/core/agent/table-of-contents';
import { bufferSource, openBolt, type Bucket } from '../../src/core/bolt';
import { toDer } from '../../src/core/certificates/ber';
import { isSignedData, unwrapSignedData } from '../../src/core/certificates/cms';
import { readCertificate, readName, type Certificate } from '../../src/core/certificates/der';
import { readEnvelopedData } from '../../src/core/certificates/enveloped-data';
import * as extensions from '../../src/core/certificates/extension';
import { openPrivateKey } from '../../src/core/certificates/key';
import { WorkBudget } from '../../src/core/certificates/password-encryption';
import { readCertificateBytes, readPem } from '../../src/core/certificates/pem';
import { readPkcs12 } from '../../src/core/certificates/pkcs12';
import { readEncryptedKey, readPrivateKey } from '../../src/core/certificates/private-key';
import { readRequest } from '../../src/core/certificates/request';
import { readSignedData } from '../../src/core/certificates/signed-data';
import { OLD_SERVER_KINDS, openOldServer } from '../../src/core/commands/old-server';
import { fleetRefusals } from '../../src/core/controls/acceptance';
import { comparePayloads, compareRoots } from '../../src/core/controls/fields';
import { isEnrollment, openControlProfile, referencesOf } from '../../src/core/controls/profile';
import { secretFields } from '../../src/core/controls/secret-field';
import { openEngine } from '../../src/core/cutover/engines';
import type { RouteEngine } from '../../src/core/cutover/engines/engine';
import { askDns, readServer } from '../../src/core/cutover/dns/dns-client';
import { readRunningMap, readTraffic } from '../../src/core/cutover/engines/haproxy-socket';
import { readLadder } from '../../src/core/cutover/ladder';
import { parseMap } from '../../src/core/cutover/route-map';
import { readWaves, standingOf } from '../../src/core/cutover/wave-journal';
import { fetchPushCertificate } from '../../src/core/fleet/api';
import { FleetApi } from '../../src/core/fleet/api-client';
import { fetchHost, listHosts } from '../../src/core/fleet/api-hosts';
import { decryptAsset } from '../../src/core/fleet/assets';
import { localFolder } from '../../src/core/folder';
import { parseFleetAddress } from '../../src/core/fleet/connection';
import { databaseFailure } from '../../src/core/fleet/database-failure';
import { readGrants } from '../../src/core/fleet/grants';
import { parseFleetUrl } from '../../src/core/fleet/https-request';
import { readScepCa } from '../../src/core/fleet/scep';
import { parsePlace } from '../../src/core/commands/web-call';
import { tokenFacts } from '../../src/core/inspector/abm-token';
import { readPushRequest } from '../../src/core/inspector/push-request';
import { canonicalHash } from '../../src/core/migration/canonical';
import { readJournal } from '../../src/core/migration/journal';
import { parsePlan } from '../../src/core/migration/plan';
import { readScriptDump } from '../../src/core/migration/script-dump/reading';
import { readDumpedInsert, NotFromScript } from '../../src/core/migration/script-dump/statement';
import { parseTeamMap } from '../../src/core/migration/team-map';
import { parseWave } from '../../src/core/migration/wave';
import { readEnrollment } from '../../src/core/profile';
import { parseServerUrl } from '../../src/core/profile/renewal';
import { readAccounts } from '../../src/core/report/account';
import { tellJournal } from '../../src/core/report/journal-story';
import { parseRunbook } from '../../src/core/report/runbook';
import { Secret } from '../../src/core/secret';
import { parseSource, readSource } from '../../src/core/sources';
import { readCapture } from '../../src/core/sources/capture';
import { readMicroMdmFile } from '../../src/core/sources/micromdm';
import { downloadBackup, parseBackupUrl } from '../../src/core/sources/micromdm/backup';
import { MessageType } from '../../src/core/sources/micromdm/protobuf';
import { FindingLog } from '../../src/core/sources/finding-log';
import { readNanoMdm } from '../../src/core/sources/nanomdm';
import { readAuthenticate, readTokenUpdate } from '../../src/core/sources/nanomdm/check-in';
import { openDatabaseStore } from '../../src/core/sources/nanomdm/database-store';
import { readFolder } from '../../src/core/sources/nanomdm/folder-store';
import { readScepDepot } from '../../src/core/sources/nanomdm/scep-depot';
import { asDictionary, readPropertyList } from '../../src/core/sources/property-list';
import { parseSshAddress, parseSshPlace } from '../../src/core/ssh/address';
import { fingerprintOf, judgeHostKey, knownTypes, parseKnownHosts } from '../../src/core/ssh/known-hosts';
import type { Snapshot } from '../../src/core/sources/snapshot';
import { Series } from '../../src/core/watch/series';
import { parseWorkspaceFile } from '../../src/main/workspace-file';
import { boltBytes } from '../bolt-writer';
import { rowsOf, writeTable } from '../table-writer';
import type { Form } from './mutation';
import { CANARY } from './names';
import { microMdmBytes } from './source';
import { answering, inFolder } from './stores';

/** What a parser works with, besides the input. */
export interface Surroundings {
  /** A private folder for parsers that read files. */
  readonly folder: string;
}

export type Read = (bytes: Buffer, surroundings: Surroundings) => unknown;

/** One parser, or several of one kind, under fuzzing. */
export interface Parser {
  readonly form: Form;
  /** Codes it may refuse with; a parser without any answers always, if only with null. */
  readonly refuses?: RegExp;
  /** Inputs that are made rather than kept, being large. */
  readonly made?: () => readonly Buffer[];
  /** Puts right what would shut the door before the damage is reached (checksums, hashes): every second input gets it. */
  readonly mend?: (bytes: Buffer) => Buffer;
  /** Reads, and looks at everything the answer offers. */
  readonly read: Read | readonly Read[];
  /** Characters of a refusal, where it names many things; 2,000 elsewhere. */
  readonly longest?: number;
  /** Changes tried on each input, where the usual number would take long. */
  readonly rounds?: number;
}

const text = (bytes: Buffer): string => bytes.toString('utf8');

function facts(certificate: Certificate): unknown {
  const { serial, issuer, subject, commonName, userId, spki, signature, signatureAlgorithm } = certificate;
  const { isCa, subjectKeyId, authorityKeyId } = certificate;
  return [
    ...[serial, issuer, subject, commonName, userId, spki, signature, signatureAlgorithm],
    ...[isCa, subjectKeyId, authorityKeyId, readName(certificate.subjectDer)],
    extensions.readAltNames(certificate.extension('2.5.29.17')),
    extensions.readKeyUsage(certificate.extension('2.5.29.15')),
    extensions.readExtendedKeyUsage(certificate.extension('2.5.29.37')),
    extensions.readPathLength(certificate.extension('2.5.29.19')),
  ];
}

/** A parser of files: the input lies in one. */
function inFile(name: string, read: (path: string) => unknown): Read {
  return (bytes, { folder }) => {
    const path = join(folder, name);
    writeFileSync(path, bytes, { mode: 0o600 });
    return read(path);
  };
}

/** Links each line of a journal to the one before, whatever is in it. */
function linked(bytes: Buffer): Buffer {
  let previous = '0'.repeat(64);
  let seq = 0;
  const lines = text(bytes)
    .split('\n')
    .flatMap((line) => {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        return line === '' ? [] : [line];
      }
      if (typeof value !== 'object' || value === null) return [line];
      const chained = JSON.stringify({ ...value, seq, previous });
      seq += 1;
      previous = createHash('sha256').update(chained).digest('hex');
      return [chained];
    });
  return Buffer.from(`${lines.join('\n')}\n`);
}

function withPlanId(bytes: Buffer): Buffer {
  try {
    const { id: _id, ...body } = JSON.parse(text(bytes)) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ id: canonicalHash(body), ...body }));
  } catch {
    return bytes;
  }
}

/** A server that gives every caller the same answer, for as long as `ask` takes. */
async function answered<T>(body: Buffer, ask: (url: string) => Promise<T>): Promise<T> {
  const server = createHttpServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A server that sends this, head and all, and hangs up. */
async function sentRaw<T>(bytes: Buffer, ask: (url: string) => Promise<T>): Promise<T> {
  const server = createSocketServer((connection) => {
    connection.on('error', () => undefined);
    connection.once('data', () => connection.end(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The same behind a unix socket, as HAProxy's runtime interface. */
async function behindSocket<T>(answer: Buffer, folder: string, ask: (socket: string) => Promise<T>): Promise<T> {
  const path = join(folder, 'haproxy.sock');
  const server = createSocketServer((connection) => {
    connection.on('error', () => undefined);
    connection.once('data', () => connection.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await ask(path);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * A DNS server that answers with the input, under the question's own id, and then as it should; over TCP, where the
 * answer says that it was too long, with the input alone.
 */
async function besideTheTruth(bytes: Buffer): Promise<unknown> {
  const truth = Buffer.from(
    '0000818000010001000000000178076578616d706c650000010001c00c00010001000000050004c0000201',
    'hex',
  );
  const answerTo = (query: Buffer, answer: Buffer): Buffer => {
    const copy = Buffer.from(answer);
    if (copy.length >= 2) query.copy(copy, 0, 0, 2);
    return copy;
  };
  const streams = createSocketServer((connection) => {
    connection.on('error', () => undefined);
    connection.once('data', (framed) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(Math.min(bytes.length, 65_535));
      connection.end(Buffer.concat([length, answerTo(framed.subarray(2), bytes)]));
    });
  });
  await new Promise<void>((resolve) => streams.listen(0, '127.0.0.1', resolve));
  const { port } = streams.address() as AddressInfo;
  const datagrams = createSocket('udp4');
  datagrams.on('message', (query, from) => {
    // A datagram holds no more; what is longer is not sent at all.
    for (const answer of [bytes.subarray(0, 60_000), truth])
      datagrams.send(answerTo(query, answer), from.port, from.address);
  });
  await new Promise<void>((resolve) => datagrams.bind(port, '127.0.0.1', resolve));
  try {
    return await askDns({ address: '127.0.0.1', port }, 'x.example', 'A');
  } finally {
    await new Promise<void>((resolve) => datagrams.close(() => resolve()));
    streams.close();
  }
}

async function collected(pages: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

/** Every bucket, every entry. */
function walk(bytes: Buffer): unknown {
  const file = openBolt(bufferSource(bytes));
  const seen: string[] = [];
  const visit = (bucket: Bucket, level: number): void => {
    for (const { key, value, isBucket } of bucket.entries()) {
      seen.push(`${key.length} ${value.length}`);
      const nested = isBucket && level < 4 ? bucket.bucket(key) : null;
      if (nested) visit(nested, level + 1);
    }
  };
  for (const name of file.bucketNames()) {
    const bucket = file.bucket(name);
    if (bucket) visit(bucket, 0);
  }
  return seen;
}

const message = new MessageType({
  uuid: [1, 'text'],
  udid: [2, 'texts'],
  parts: [6, 'messages'],
  token: [9, 'text'],
  unlock: [12, 'bytes'],
  enrolled: [13, 'flag'],
  seen: [28, 'number'],
});

/** A clock for all. */
const AT = Date.UTC(2026, 10, 24, 2);

function readFew(bytes: Buffer): Snapshot {
  const about = { path: 'database', sha256: null, size: bytes.length, modified: 0 };
  return readMicroMdmFile(openBolt(bufferSource(bytes)), { at: AT, salvage: true }, about);
}

function proxyAt(url: string): RouteEngine {
  const instances = [{ name: 'one', url, caFile: null, plainConfirmed: false }];
  return openEngine({ kind: 'mdmproxy', instances }, { token: new Secret('token', CANARY) });
}

/** What a wave's lines may name. */
let fewDevices: Snapshot | undefined;

export const PARSERS: Readonly<Record<string, Parser>> = {
  bolt: {
    form: 'bytes',
    refuses: /^bolt\//,
    made: () => [
      boltBytes(
        [
          { name: 'b', entries: [['key', 'value']] },
          { name: 'nested', nested: [{ name: 'inner', inline: true }] },
        ],
        {
          pageSize: 1024,
        },
      ),
    ],
    read: walk,
  },
  'micromdm-database': {
    form: 'in-place',
    refuses: /^(bolt|micromdm)\//,
    made: () => [microMdmBytes()],
    read: readFew,
  },
  protobuf: { form: 'bytes', read: (bytes) => message.decode(bytes) },
  'property-list': { form: 'text', read: readPropertyList },
  'enrollment-profile': {
    form: 'text',
    refuses: /^profile\//,
    read: (bytes) => readEnrollment(bytes, 'profile.mobileconfig'),
  },
  'control-profile': {
    form: 'text',
    read: (bytes) => {
      const profile = openControlProfile(bytes, { identifier: 'org.example', displayName: null });
      const looks = [isEnrollment(profile), referencesOf(profile), secretFields(profile), fleetRefusals(profile)];
      return [profile, ...looks, comparePayloads(profile, profile), compareRoots(profile, profile)];
    },
  },
  certificate: {
    form: 'tagged',
    read: (bytes) => {
      const certificate = readCertificate(bytes);
      return certificate && facts(certificate);
    },
  },
  'certificate-request': {
    form: 'tagged',
    read: readRequest,
  },
  cms: {
    form: 'tagged',
    read: (bytes) => {
      const envelope = readEnvelopedData(bytes);
      const inside = isSignedData(bytes) ? unwrapSignedData(bytes) : null;
      return [
        toDer(bytes),
        inside,
        readSignedData(bytes),
        envelope?.cipher,
        envelope?.recipients.map(({ name }) => name),
      ];
    },
  },
  pkcs12: {
    form: 'tagged',
    read: async (bytes) => readPkcs12(bytes)?.open(Buffer.from('x'), new WorkBudget(2_000)),
  },
  'private-key': {
    form: 'tagged',
    rounds: 60,
    refuses: /^[a-z]+\/[a-z-]+$/,
    read: async (bytes) => {
      await readEncryptedKey(bytes)?.open(Buffer.from('x'), new WorkBudget(2_000));
      return [readPrivateKey(bytes)?.form, openPrivateKey(bytes, 'the key').type];
    },
  },
  pem: { form: 'text', read: (bytes) => [readPem(bytes), readCertificateBytes(bytes)] },
  'scep-answer': { form: 'tagged', read: readScepCa },
  'business-manager-token': { form: 'text', read: tokenFacts },
  'push-request': {
    form: 'text',
    read: (bytes) => {
      const root = asDictionary(readPropertyList(bytes));
      return root && readPushRequest(root);
    },
  },
  'fleet-api': {
    form: 'json',
    refuses: /^fleet\/api-/,
    rounds: 60,
    read: (bytes) =>
      answered(bytes, async (url) => {
        const place = { url, caFile: null };
        const token = new Secret('API token', CANARY);
        const api = new FleetApi(place, token);
        return [await fetchPushCertificate(place, token), await fetchHost(api, 7), await collected(listHosts(api, 2))];
      }),
  },
  'old-server-api': {
    form: 'json',
    refuses: /^old-server\//,
    rounds: 60,
    read: (bytes) =>
      answered(bytes, async (url) => {
        const place = { who: 'The old server', url, caFile: null, plainConfirmed: false };
        const outcomes: unknown[] = [];
        for (const kind of OLD_SERVER_KINDS) {
          const server = openOldServer(kind, place, new Secret('API key', CANARY));
          outcomes.push(await server.waiting?.('UDID'), await server.push('UDID'));
        }
        return outcomes;
      }),
  },
  'haproxy-runtime': {
    form: 'lines',
    refuses: /^haproxy\//,
    rounds: 100,
    read: (bytes, { folder }) =>
      behindSocket(bytes, folder, async (socket) => [
        await readTraffic(socket),
        await readRunningMap(socket, '/etc/haproxy/slipway.map'),
      ]),
  },
  'route-map': { form: 'lines', read: (bytes) => parseMap(text(bytes)) },
  dns: { form: 'bytes', refuses: /^dns\//, rounds: 100, read: besideTheTruth },
  grants: { form: 'lines', read: (bytes) => readGrants(text(bytes).split('\n')) },
  'database-error': {
    form: 'json',
    read: (bytes) => {
      let error: unknown;
      try {
        error = JSON.parse(text(bytes));
      } catch {
        return null;
      }
      if (typeof error !== 'object' || error === null) return null;
      const { code, message: said } = error as Record<string, unknown>;
      // What has not both was not thrown by the driver, and the code is the driver's own word.
      if (typeof code !== 'string' || code.includes(CANARY) || typeof said !== 'string') return null;
      const place = { host: '127.0.0.1', port: 3306, user: 'slipway', database: 'fleet' };
      const { failure } = databaseFailure(error, place);
      if (JSON.stringify(failure).includes(CANARY)) throw new Error('a value of the database in a failure');
      return failure;
    },
  },
  asset: {
    form: 'bytes',
    read: (bytes) => decryptAsset('ca_key', bytes, new Secret('private key', CANARY.padEnd(32, '.'))),
  },
  'installer-contents': { form: 'text', read: (bytes) => readTableOfContents(text(bytes)) },
  'installer-payload': {
    form: 'bytes',
    read: (bytes) => {
      const reader = new CpioReader(new Set(['opt/orbit/secret.txt', 'absent']));
      for (let at = 0; at < bytes.length; at += 50) reader.push(bytes.subarray(at, at + 50));
      return [...reader.files];
    },
  },
  plan: { form: 'json', refuses: /^plan\//, mend: withPlanId, read: (bytes) => parsePlan(text(bytes)) },
  journal: {
    form: 'json',
    rounds: 60,
    refuses: /^journal\//,
    mend: linked,
    read: inFile('x.journal.jsonl', async (path) => [await readJournal(path), await tellJournal(path)]),
  },
  'assets-journal': {
    form: 'json',
    rounds: 60,
    refuses: /^journal\//,
    mend: linked,
    read: inFile('x.assets.jsonl', tellJournal),
  },
  'waves-journal': {
    form: 'json',
    rounds: 60,
    refuses: /^(journal|wave)\//,
    mend: linked,
    read: inFile('x.waves.jsonl', async (path) => [standingOf((await readWaves(path)).lines), await tellJournal(path)]),
  },
  'command-journal': {
    form: 'json',
    rounds: 60,
    refuses: /^journal\//,
    mend: linked,
    read: inFile('x.commands.jsonl', tellJournal),
  },
  ladder: { form: 'json', refuses: /^wave\//, read: inFile('ladder.json', readLadder) },
  'progress-record': {
    form: 'json',
    rounds: 60,
    refuses: /^watch\//,
    read: inFile('watch.jsonl', async (path) => {
      const { points, marks } = await Series.open(path);
      return [points, marks];
    }),
  },
  workspace: { form: 'json', refuses: /^workspace\//, read: (bytes) => parseWorkspaceFile(text(bytes)) },
  runbook: { form: 'json', refuses: /^report\//, read: (bytes) => parseRunbook(text(bytes)) },
  capture: { form: 'json', rounds: 60, refuses: /^capture\//, read: inFile('x.capture', (path) => readCapture(path)) },
  'team-map': { form: 'lines', rounds: 60, refuses: /^usage\/team-map$/, read: (bytes) => parseTeamMap(text(bytes)) },
  'nanomdm-check-in': { form: 'text', read: (bytes) => [readAuthenticate(bytes), readTokenUpdate(bytes)] },
  'nanomdm-database': {
    form: 'json',
    rounds: 60,
    refuses: /^nanomdm\//,
    read: (['mysql', 'postgres'] as const).map(
      (engine): Read =>
        async (bytes) =>
          readNanoMdm(await openDatabaseStore(answering(bytes, engine)), { at: AT, name: 'database', companions: {} }),
    ),
  },
  'nanomdm-folder': {
    form: 'json',
    rounds: 20,
    refuses: /^(nanomdm|folder)\//,
    read: inFolder((path) => readFolder(localFolder(path), { at: AT, name: 'folder', companions: {} })),
  },
  'scep-depot': {
    form: 'json',
    rounds: 20,
    refuses: /^(nanomdm|folder)\//,
    read: inFolder(async (path) => {
      const findings = new FindingLog();
      return [await readScepDepot(path, { at: AT, wanted: 'all', findings }), findings];
    }),
  },
  table: {
    form: 'lines',
    rounds: 60,
    made: () => [Buffer.from(writeTable(rowsOf((fewDevices ??= readFew(microMdmBytes())))))],
    // It names up to 50 things that are wrong.
    longest: 10_000,
    refuses: /^csv\//,
    read: inFile('table.csv', (location) => readSource({ kind: 'csv', transport: 'file', location }, { at: AT })),
  },
  'known-hosts': {
    form: 'lines',
    read: (bytes) => {
      const known = parseKnownHosts(text(bytes), 'known_hosts');
      const address = parseSshAddress('ssh://somebody@mdm.example.com:2222');
      const keys = known.map(({ type, key }) => judgeHostKey(known, address, { type, key }));
      return [known, keys, [...knownTypes(known, address)], known.map(({ key }) => fingerprintOf(key))];
    },
  },
  'script-dump': {
    form: 'lines',
    rounds: 60,
    refuses: /^dump\//,
    read: [
      inFile('dump.sql', async (path) => {
        const [rows, broken]: [unknown[], unknown[]] = [[], []];
        const file = await readScriptDump(
          path,
          (row) => rows.push(row),
          (one) => broken.push(one),
        );
        return [file, rows, broken];
      }),
      (bytes) => {
        try {
          return readDumpedInsert(text(bytes));
        } catch (error) {
          if (error instanceof NotFromScript && error.message.length < 500) return null;
          throw error;
        }
      },
    ],
  },
  wave: {
    form: 'lines',
    rounds: 60,
    refuses: /^usage\/wave$/,
    read: (bytes) => parseWave(text(bytes), (fewDevices ??= readFew(microMdmBytes()))),
  },
  mdmproxy: {
    form: 'text',
    rounds: 60,
    refuses: /^(mdmproxy|wave)\//,
    read: [
      (bytes) => sentRaw(bytes, (url) => proxyAt(url).read()),
      (bytes) => sentRaw(bytes, (url) => proxyAt(url).lead(new Set(['A']), new Set())),
    ],
  },
  backup: {
    form: 'text',
    rounds: 60,
    refuses: /^source\//,
    read: (bytes, { folder }) =>
      sentRaw(bytes, (url) => {
        const target = join(folder, 'backup.db');
        rmSync(target, { force: true });
        return downloadBackup(parseBackupUrl(url), target, {
          apiKey: new Secret('API key', CANARY),
          maxBytes: 1_000_000,
        });
      }),
  },
  accounts: { form: 'lines', rounds: 60, refuses: /^report\/accounts$/, read: (bytes) => readAccounts(text(bytes)) },
  'written-address': {
    form: 'text',
    refuses: /^usage\//,
    // Each reads what it is given as what it reads.
    read: [
      (bytes) => parseSource(text(bytes)),
      (bytes) => parseFleetAddress(text(bytes)),
      (bytes) => parseFleetUrl(text(bytes)),
      (bytes) => parsePlace({ who: 'The old server', url: text(bytes), caFile: null, plainConfirmed: false }),
      (bytes) => parseServerUrl(text(bytes)),
      (bytes) => readServer(text(bytes)),
      (bytes) => parseBackupUrl(text(bytes)),
      (bytes) => [parseSshAddress(text(bytes)), parseSshPlace(text(bytes))],
    ],
  },
};
