import { countReasons } from '../../core/migration/reason-count';
import type { JudgedDevice, Judgement } from '../../core/migration/verdict';
import type { Finding, KeyedCertificate, Snapshot } from '../../core/sources/snapshot';
import { EXIT } from '../exit-code';
import type { SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { counted, mark, plain, print, printJsonList, styled, table } from '../terminal';
import { rfc3339, rfc3339Nano } from '../time';

interface ReadOptions extends SourceOptions {
  readonly devices?: boolean;
}

/** `slipway read SOURCE`: what is in a source and what would become of every device. */
export async function run(source: string, options: ReadOptions): Promise<number> {
  const { snapshot, judgement } = await readJudged(source, options, { keepCertificates: false });
  if (options.json === true) await printSnapshotJson(snapshot, judgement);
  else await printSnapshot(snapshot, judgement, options.devices === true);
  return EXIT.fine;
}

/** The JSON contract of `read`, schema 1 (docs/json-contract.md). */
async function printSnapshotJson(snapshot: Snapshot, judgement: Judgement): Promise<void> {
  const { source, scepCa, push, profiles } = snapshot;
  await printJsonList(
    {
      schema: 1,
      source: {
        kind: source.kind,
        path: source.path,
        sha256: source.sha256,
        txid: source.txid,
        pageSize: source.pageSize,
        size: source.size,
        retries: source.retries,
      },
      instant: rfc3339(snapshot.instant),
      scepCa: scepCa === null ? null : { subject: scepCa.subject, ...certificateFacts(scepCa) },
      push: push === null ? null : { topic: push.topic, ...certificateFacts(push) },
      profiles: profiles.map(({ identifier, displayName, signed }) => ({ identifier, displayName, signed })),
      counts: judgement.counts,
    },
    'devices',
    mapped(judgement.devices, deviceJson),
    { findings: [...snapshot.findings, ...judgement.findings].map(findingJson) },
  );
}

function certificateFacts(certificate: KeyedCertificate): Record<string, unknown> {
  return {
    sha256: certificate.sha256,
    notAfter: rfc3339(certificate.notAfter),
    keyMatches: certificate.keyMatches,
  };
}

const none: readonly never[] = [];

function deviceJson({ device, verdict, reasons }: JudgedDevice): Record<string, unknown> {
  const { certificate, users } = device;
  return {
    udid: device.udid,
    serial: device.serial,
    name: device.name,
    platform: device.platform,
    enrolled: device.enrolled,
    topic: device.push?.topic ?? null,
    tokenHex: device.push?.tokenHex ?? null,
    certificateSha256: certificate?.sha256 ?? null,
    certificateNotAfter: certificate?.notAfter == null ? null : rfc3339(certificate.notAfter),
    certificateInDepot: certificate?.inDepot ?? false,
    hasUnlockToken: device.unlockToken !== null,
    hasBootstrapToken: device.bootstrapToken !== null,
    lastSeen: device.lastSeen === null ? null : rfc3339Nano(device.lastSeen),
    verdict,
    // Most devices have neither; a list made for each would be felt.
    reasons: reasons.length === 0 ? none : [...new Set(reasons.map((reason) => reason.code))],
    users: users.length === 0 ? none : users.map(({ id, shortName }) => ({ id, shortName })),
  };
}

function findingJson(finding: Finding): Record<string, unknown> {
  return {
    code: finding.code,
    severity: finding.severity,
    detail: finding.detail,
    ...(finding.subjects === undefined ? {} : { subjects: finding.subjects }),
  };
}

function* withUdid(devices: Iterable<JudgedDevice>): Generator<JudgedDevice> {
  for (const judged of devices) if (judged.device.udid !== null) yield judged;
}

function* mapped<T, U>(list: Iterable<T>, change: (entry: T) => U): Generator<U> {
  for (const entry of list) yield change(entry);
}

async function printSnapshot(snapshot: Snapshot, judgement: Judgement, listDevices: boolean): Promise<void> {
  const { source, scepCa, push, profiles } = snapshot;
  const { counts } = judgement;
  const state = [source.txid === null ? null : `transaction ${source.txid}`, source.sha256 && `sha256 ${source.sha256}`]
    .filter(Boolean)
    .join(', ');
  const facts: string[][] = [
    ['source', `${source.kind} ${source.path}`],
    ...(state === '' ? [] : [['read', state]]),
    [
      'SCEP CA',
      scepCa === null
        ? 'none'
        : `${scepCa.subject}, until ${rfc3339(scepCa.notAfter)}, key ${scepCa.keyMatches ? 'matches' : 'does NOT match'}`,
    ],
    [
      'push',
      push === null
        ? 'none'
        : `${push.topic ?? 'no topic'}, until ${rfc3339(push.notAfter)}, key ${push.keyMatches ? 'matches' : 'does NOT match'}`,
    ],
    ['profiles', String(profiles.length)],
  ];
  await print(...table(facts), '');
  await print(
    `${styled(counted(counts.devices, 'device'), 'bold')}: ${styled(`${counts.ready} ready`, 'green')}, ` +
      `${styled(`${counts.caution} caution`, 'yellow')}, ${styled(`${counts.blocked} blocked`, 'red')}`,
  );
  for (const { code, severity, sentence, remedy, count } of countReasons(withUdid(judgement.devices))) {
    const sign = severity === 'block' ? styled('✗', 'red') : severity === 'caution' ? styled('!', 'yellow') : '·';
    await print(`  ${sign} ${count} × ${plain(sentence)} ${styled(code, 'dim')}`, `      ${plain(remedy)}`);
  }
  const findings = [...snapshot.findings, ...judgement.findings];
  if (findings.length > 0) await print('', styled('Findings', 'bold'));
  for (const { severity, detail, code } of findings) {
    await print(`  ${mark(severity)} ${plain(detail)} ${styled(code, 'dim')}`);
  }
  if (listDevices) {
    await print('');
    for (const line of table([
      ['VERDICT', 'UDID', 'SERIAL', 'PLATFORM', 'NAME', 'REASONS'],
      ...judgement.devices.map(({ device, verdict, reasons: why }) => [
        verdict,
        device.udid ?? '–',
        device.serial ?? '–',
        device.platform ?? '–',
        device.name ?? '–',
        why.map((reason) => reason.code).join(' '),
      ]),
    ])) {
      await print(line);
    }
  }
}
