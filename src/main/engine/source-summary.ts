/** A reading as the window shows it: counts, certificates, reasons and findings. No device, and no secret. */
import type { SourceSummary } from '../../contract/state';
import { fingerprintsOf, sourceFingerprint } from '../../core/migration/fingerprint';
import { countReasons } from '../../core/migration/reason-count';
import type { Judgement } from '../../core/migration/verdict';
import { parseSource } from '../../core/sources';
import type { Finding, KeyedCertificate, Snapshot } from '../../core/sources/snapshot';
import { sourceNumberOf } from './device-rows';

/** A damaged file may have a finding a page; what is shown is bounded, and says so. */
const MOST_FINDINGS = 500;
const MOST_SUBJECTS = 200;

const SEVERAL = 'several:';

export function summaryOf(
  snapshot: Snapshot,
  judgement: Judgement,
  read: { readonly reference: string; readonly location: string; readonly readAt: number; readonly sample: boolean },
): SourceSummary {
  const { source, scepCa, push } = snapshot;
  return {
    reference: read.reference,
    kind: source.kind,
    // A copy of MicroMDM's file is read under its own name; what was captured tells where it lay.
    path: source.kind === 'micromdm' ? read.location : source.path,
    parts: partsOf(read.reference, judgement),
    sha256: source.sha256,
    txid: source.txid,
    size: source.size,
    retries: source.retries,
    readAt: read.readAt,
    instant: snapshot.instant,
    fingerprint: sourceFingerprint(fingerprintsOf(snapshot)),
    counts: { ...judgement.counts, withoutUdid: judgement.devices.length - judgement.counts.devices },
    platforms: platformsOf(judgement),
    scepCa: scepCa === null ? null : factsOf(scepCa),
    push: push === null ? null : { ...factsOf(push), topic: push.topic },
    profiles: snapshot.profiles.map(({ identifier, displayName, signed }) => ({ identifier, displayName, signed })),
    expiries: expiriesOf(judgement),
    reasons: countReasons(judgement.devices),
    findings: findingsOf([...snapshot.findings, ...judgement.findings]),
    sample: read.sample,
  };
}

/** Each of several sources with its devices; a device's record id begins with the number of its source. */
function partsOf(reference: string, judgement: Judgement): SourceSummary['parts'] {
  if (!reference.startsWith(SEVERAL)) return [];
  const references = JSON.parse(parseSource(reference).location) as string[];
  const counts = references.map(() => 0);
  for (const { device } of judgement.devices) {
    const number = sourceNumberOf(device.recordId);
    if (number !== null && device.udid !== null) counts[number - 1] = (counts[number - 1] ?? 0) + 1;
  }
  return references.map((one, index) => ({
    number: index + 1,
    reference: one,
    kind: parseSource(one).kind,
    devices: counts[index] ?? 0,
  }));
}

function factsOf(certificate: KeyedCertificate): NonNullable<SourceSummary['scepCa']> {
  const { subject, sha256, notBefore, notAfter, keyMatches } = certificate;
  return { subject, sha256, notBefore, notAfter, keyMatches };
}

function platformsOf(judgement: Judgement): SourceSummary['platforms'] {
  const byPlatform = new Map<string, SourceSummary['platforms'][number]>();
  for (const { device, verdict } of judgement.devices) {
    if (device.udid === null) continue;
    const platform = device.platform ?? 'unknown';
    const counts = byPlatform.get(platform) ?? { platform, ready: 0, caution: 0, blocked: 0 };
    counts[verdict] += 1;
    byPlatform.set(platform, counts);
  }
  const sum = (one: SourceSummary['platforms'][number]): number => one.ready + one.caution + one.blocked;
  return [...byPlatform.values()].sort((left, right) => sum(right) - sum(left));
}

/** Certificates of devices that can go in, by the month they end in. */
function expiriesOf(judgement: Judgement): SourceSummary['expiries'] {
  const months = new Map<string, number>();
  for (const { device, verdict } of judgement.devices) {
    const end = device.certificate?.notAfter ?? null;
    if (end === null || verdict === 'blocked') continue;
    const date = new Date(end);
    if (Number.isNaN(date.getTime())) continue;
    const month = date.toISOString().slice(0, 7);
    months.set(month, (months.get(month) ?? 0) + 1);
  }
  return [...months]
    .map(([month, count]) => ({ month, count }))
    .sort((left, right) => (left.month < right.month ? -1 : 1));
}

function findingsOf(findings: readonly Finding[]): SourceSummary['findings'] {
  const order = ['error', 'warning', 'info'];
  const shown = [...findings]
    .sort((left, right) => order.indexOf(left.severity) - order.indexOf(right.severity))
    .slice(0, MOST_FINDINGS)
    .map(({ code, severity, detail, subjects }) => ({
      code,
      severity,
      detail,
      subjects: (subjects ?? []).slice(0, MOST_SUBJECTS),
    }));
  const more = findings.length - shown.length;
  if (more > 0) {
    shown.push({ code: 'more-findings', severity: 'info', detail: `And ${more} more of the same kind.`, subjects: [] });
  }
  return shown;
}
