/** The report as a folder: HTML, JSON, CSV, and a list of their hashes by which a change is seen. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { csvText } from '../csv-text';
import { misused, unreadable } from '../failure';
import { removeAbandoned, temporaryName, writePrivate } from '../private-file';
import { utcText } from '../utc-text';
import type { HandOver, ReportedDevice } from './hand-over';
import { htmlOf } from './html';

/** As `sha256sum` writes and checks it. */
const MANIFEST = 'SHA256SUMS';

export interface ReportFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** A file that goes into the folder as it is, such as a PDF or a journal. */
export interface Enclosed {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Writes the whole report. The folder must be new or empty: a report is not mixed with another.
 * @throws report/folder-taken, file/cannot-write, report/name
 */
export async function writeReport(
  report: HandOver,
  folder: string,
  enclosed: readonly Enclosed[] = [],
): Promise<ReportFile[]> {
  const held = await readdir(folder).catch(() => []);
  if (held.length > 0)
    misused(
      'report/folder-taken',
      `The folder ${folder} is not empty.`,
      'Name a new one: a report is not mixed with what is there.',
    );
  const contents: Enclosed[] = [
    { name: 'report.html', bytes: Buffer.from(htmlOf(report)) },
    { name: 'report.json', bytes: Buffer.from(`${JSON.stringify(jsonOf(report), null, 1)}\n`) },
    { name: 'devices.csv', bytes: Buffer.from(devicesCsv(report.facts.devices)) },
    ...enclosed,
  ];
  const files: ReportFile[] = [];
  // Beside its place, and named when it is whole: half a report would look like one, and hold the name.
  const place = resolve(folder);
  const temporary = temporaryName(place);
  try {
    await folderWork(place, () => mkdir(temporary, { recursive: true, mode: 0o700 }));
    await removeAbandoned(dirname(place));
    for (const { name, bytes } of contents) {
      if (name !== basename(name) || name === MANIFEST || name.startsWith('.'))
        misused('report/name', `«${name}» cannot be a file of a report.`, 'Give it a plain name.');
      await writePrivate(join(temporary, name), bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      files.push({ name, path: join(folder, name), sha256, size: bytes.length });
    }
    const manifest = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
    await writePrivate(join(temporary, MANIFEST), manifest);
    await folderWork(place, async () => {
      // An empty one in its place makes way; one that is full by now does not.
      await rmdir(place).catch(() => undefined);
      await rename(temporary, place);
    });
    return files;
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function folderWork(folder: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    unreadable(
      'folder/cannot-make',
      `The folder ${folder} cannot be made (${reason}).`,
      'Choose a place this account may write to, on a disk that has room.',
    );
  }
}

/** Adds one file to a report that was written before, and to its list. */
export async function addToReport(folder: string, { name, bytes }: Enclosed): Promise<ReportFile> {
  const path = join(folder, name);
  await writePrivate(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const manifest = await readFile(join(folder, MANIFEST), 'utf8');
  await writePrivate(join(folder, MANIFEST), `${manifest}${sha256}  ${name}\n`, { overwrite: true });
  return { name, path, sha256, size: bytes.length };
}

/**
 * Checks a report's folder against its list.
 * @returns names that differ, are missing, or are not listed; none when it is as it was written
 * @throws report/no-manifest
 */
export async function checkReport(folder: string): Promise<string[]> {
  let manifest: string;
  try {
    manifest = await readFile(join(folder, MANIFEST), 'utf8');
  } catch {
    return unreadable('report/no-manifest', `${folder} holds no ${MANIFEST}.`, 'Name the folder of a report.');
  }
  const listed = new Map(
    manifest.split('\n').flatMap((line) => {
      const [, sha256 = '', name = ''] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      return name === '' || name !== basename(name) ? [] : [[name, sha256] as const];
    }),
  );
  const wrong: string[] = [];
  for (const [name, sha256] of listed) if ((await hashOf(join(folder, name))) !== sha256) wrong.push(name);
  for (const name of await readdir(folder)) if (name !== MANIFEST && !listed.has(name)) wrong.push(name);
  return wrong.sort();
}

function hashOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const hash = createHash('sha256');
    createReadStream(path)
      .on('error', () => resolve(null))
      .on('data', (chunk) => hash.update(chunk))
      .on('end', () => resolve(hash.digest('hex')));
  });
}

/** The JSON of a report: times as RFC 3339, absent as null (docs/json-contract.md). */
function jsonOf({ facts, counts, conditions, obligations, schema, kind }: HandOver): object {
  const { devices, journals, source, push, scepCa, decommission, ...rest } = facts;
  return {
    schema,
    kind,
    ...rest,
    at: timeOf(facts.at),
    source: { ...source, instant: timeOf(source.instant) },
    push: push === null ? null : { ...push, notAfter: timeOf(push.notAfter) },
    scepCa: scepCa === null ? null : { ...scepCa, notAfter: timeOf(scepCa.notAfter) },
    counts,
    conditions,
    obligations: obligations.map((one) => ({ ...one, due: timeOf(one.due) })),
    decommission: {
      ...decommission,
      backup: decommission.backup === null ? null : { ...decommission.backup, at: timeOf(decommission.backup.at) },
      probes: decommission.probes === null ? null : { ...decommission.probes, at: timeOf(decommission.probes.at) },
    },
    journals: journals.map((one) => ({ ...one, openedAt: timeOf(one.openedAt) })),
    devices: devices.map((one) => ({
      ...one,
      provenAt: timeOf(one.provenAt),
      importedAt: timeOf(one.importedAt),
      lastContactSource: timeOf(one.lastContactSource),
      certificateNotAfter: timeOf(one.certificateNotAfter),
    })),
  };
}

function devicesCsv(devices: readonly ReportedDevice[]): string {
  return csvText(
    [
      'udid',
      'serial',
      'name',
      'platform',
      'state',
      'proven_at',
      'proof',
      'imported_at',
      'last_contact_old_server',
      'certificate_ends',
      'wave',
      'reasons',
      'accounted_by',
      'accounted_note',
    ],
    devices.map((one) => [
      one.udid,
      one.serial,
      one.name,
      one.platform,
      one.state,
      timeOf(one.provenAt),
      one.proof,
      timeOf(one.importedAt),
      timeOf(one.lastContactSource),
      timeOf(one.certificateNotAfter),
      one.wave,
      one.reasons.join(' '),
      one.accounted?.by ?? null,
      one.accounted?.note ?? null,
    ]),
  );
}

function timeOf(at: number | null): string | null {
  return at === null || !Number.isFinite(at) ? null : `${utcText(Math.floor(at / 1000), 'T')}Z`;
}
