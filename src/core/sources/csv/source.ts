/** A table (CSV or JSON) as a kind of source: for any server whose admin can export the values. */
import { hash } from 'node:crypto';
import { resolve } from 'node:path';
import { readCertificate } from '../../certificates/der';
import { Issuer } from '../../certificates/issuer';
import { misused, unreadable } from '../../failure';
import { FILE_COMPANIONS, readProfileFile, readPushFiles, readScepCaFiles } from '../companion-files';
import { FindingLog } from '../finding-log';
import { newestContact } from '../instant';
import { countedCa, lastSerial, SerialMark } from '../scep-serial';
import type { Snapshot } from '../snapshot';
import type { Companion, Companions, ReadOptions, SourceKind, SourceReference } from '../source-kind';
import { readScepBeside } from '../nanomdm/scep-beside';
import { Assembly } from './assembly';
import type { TableCertificate } from './cell';
import { DelimitedTable } from './delimited-table';
import { MAX_JSON_CHARACTERS, readJsonTable } from './json-table';
import { ProblemLog } from './problem-log';
import { readTableText } from './table-text';

const BESIDE: readonly Companion[] = ['scep-depot', ...FILE_COMPANIONS, 'scep-last-serial'];

/** Tables in the table of sources. */
export const csv: SourceKind = {
  name: 'csv',
  forms: ['csv:PATH'],
  companions: BESIDE,
  parse,
  read,
};

function parse(location: string, companions: Companions): SourceReference {
  if (location === '') misused('usage/source', 'The source names no file.', 'Write csv:PATH.');
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location))
    misused('usage/source', 'A table is read from a file.', 'Download it first, then write csv:PATH.');
  const absolute: Partial<Record<Companion, string>> = {};
  for (const name of BESIDE) {
    const path = companions[name];
    if (path !== undefined) absolute[name] = name === 'scep-last-serial' ? lastSerial(path) : resolve(path);
  }
  return {
    kind: 'csv',
    transport: 'file',
    location: resolve(location),
    ...(Object.keys(absolute).length === 0 ? {} : { companions: absolute }),
  };
}

async function read({ location, companions = {} }: SourceReference, options: ReadOptions): Promise<Snapshot> {
  const { at, keepCertificates = true, keyPassphrase, onProgress } = options;
  const findings = new FindingLog();
  const log = new ProblemLog();
  const beside = { companions, findings, ...(keyPassphrase === undefined ? {} : { keyPassphrase }) };
  const scep = await readScepBeside({ ...beside, at }, { wanted: 'all', findings });
  // Asked for nothing, the files say what is missing.
  const scepCa = scep === null ? readScepCaFiles(beside) : scep.ca;
  const push = readPushFiles(beside);
  const profile = readProfileFile(beside);
  const ca = scepCa && readCertificate(scepCa.der);
  const depot = new Map<string, TableCertificate>();
  for (const der of scep?.found ?? []) {
    const parsed = readCertificate(der);
    const sha256 = hash('sha256', der, 'hex');
    if (parsed !== null) depot.set(sha256, { sha256, parsed });
  }
  const serials = new SerialMark();
  const assembly = new Assembly({ serials, log, findings, at, keepCertificates, issuer: ca && new Issuer(ca), depot });
  const take = assembly.add.bind(assembly);

  const table = new DelimitedTable(location, log, take, onProgress);
  // One piece is held back, so that the last one is known for the last.
  const text: { form: 'unknown' | 'csv' | 'json'; held: string } = { form: 'unknown', held: '' };
  const json: string[] = [];
  let length = 0;
  const file = await readTableText(
    location,
    (piece) => {
      if (piece === '') return;
      if (text.form === 'unknown') {
        if (piece.trim() === '') return;
        text.form = /^\ufeff?\s*[[{]/.test(piece) ? 'json' : 'csv';
      }
      length += piece.length;
      if (text.form === 'json') {
        if (length > MAX_JSON_CHARACTERS) tooMuchJson(location);
        json.push(piece);
        return;
      }
      if (text.held !== '') table.push(text.held, false);
      text.held = piece;
    },
    onProgress,
  );
  if (text.form === 'json') readJsonTable(location, json.join(''), log, take);
  else if (text.form === 'csv') table.push(text.held, true);
  else empty(location);
  const devices = assembly.finish();
  log.refuse(location);
  if (devices.length === 0) findings.add('no-devices', 'warning', 'The table has a header and no devices.');
  const { enrollmentProfile, enrollmentBody } = profile;
  const counted = countedCa(scepCa, companions['scep-last-serial'], serials.greatest, findings);
  return {
    source: {
      kind: 'csv',
      path: location,
      sha256: file.sha256,
      txid: null,
      pageSize: null,
      size: file.size,
      retries: 0,
    },
    instant: newestContact(devices, at) ?? Math.min(Math.trunc(file.modified), at),
    scepCa: counted,
    push,
    abmKeyPair: null,
    abmTokens: [],
    profiles: [],
    enrollmentProfile,
    ...(enrollmentBody === null ? {} : { enrollmentBody }),
    blueprints: [],
    devices,
    findings: findings.all(),
  };
}

function tooMuchJson(path: string): never {
  return unreadable(
    'csv/too-large',
    `${path} is JSON of more than ${MAX_JSON_CHARACTERS / (1024 * 1024)} million characters, which is read whole.`,
    'Export it as CSV, which is read piece by piece.',
    { path },
  );
}

function empty(path: string): never {
  return unreadable(
    'csv/no-header',
    `${path} is empty.`,
    '`slipway template csv` writes a table with the right header.',
    {
      path,
    },
  );
}
