/** Which of a NanoMDM's push certificates is the one that moves (spec 6.2: old topics stay). */
import { readCertificate } from '../../certificates/der';
import { readCertificateBytes } from '../../certificates/pem';
import type { FindingLog } from '../finding-log';
import { keyedCertificate } from '../keyed-certificate';
import type { PushCertificate } from '../snapshot';
import type { PushCertificateRecord } from './store';

/**
 * The push certificate whose topic most enabled devices listen on; of equals the one that ends last. Null, with a
 * finding, when the store holds none that can be read.
 * @param listeners how many enabled device channels listen on each topic
 */
export function choosePush(
  records: readonly PushCertificateRecord[],
  listeners: ReadonlyMap<string, number>,
  findings: FindingLog,
): PushCertificate | null {
  const opened = records.flatMap((record) => {
    const certificate = open(record, findings);
    return certificate === null ? [] : [{ record, certificate }];
  });
  const weight = (topic: string): number => listeners.get(topic) ?? 0;
  const [chosen, ...others] = opened.toSorted(
    (a, b) =>
      weight(b.record.topic) - weight(a.record.topic) ||
      b.certificate.notAfter - a.certificate.notAfter ||
      (a.record.topic < b.record.topic ? -1 : 1),
  );
  if (others.length > 0)
    findings.add(
      'push-certificates-other',
      'info',
      `The source holds ${others.length} more push certificate${others.length === 1 ? '' : 's'}: ${others
        .slice(0, 10)
        .map(({ record, certificate }) => `${record.topic} (until ${day(certificate.notAfter)})`)
        .join(', ')}. The one most devices listen on was taken.`,
      others.map(({ record }) => record.topic),
    );
  if (chosen === undefined) {
    if (records.length === 0)
      findings.add('push-certificate-absent', 'error', 'No push certificate was ever uploaded to this NanoMDM.');
    return null;
  }
  return keyed(chosen, findings);
}

/** Says which topics devices listen on for which the snapshot has no certificate. */
export function tellOtherTopics(
  devicesByTopic: ReadonlyMap<string, readonly string[]>,
  push: PushCertificate | null,
  findings: FindingLog,
): void {
  for (const [topic, udids] of devicesByTopic) {
    if (topic === push?.topic) continue;
    findings.add(
      'topic-other',
      'warning',
      `Enabled devices that listen on ${topic === '' ? 'no topic' : topic}: ${udids.length}. The push certificate taken along is ${push === null ? 'none' : `for ${push.topic ?? 'no topic'}`}, so they cannot be pushed by it.`,
      udids,
    );
  }
}

interface Opened {
  readonly record: PushCertificateRecord;
  readonly certificate: NonNullable<ReturnType<typeof readCertificate>>;
}

function open(record: PushCertificateRecord, findings: FindingLog): Opened['certificate'] | null {
  const block = readCertificateBytes(record.certificate)[0];
  const certificate = block ? readCertificate(Buffer.from(block)) : null;
  if (certificate === null)
    findings.add(
      'push-certificate-unreadable',
      'error',
      `The push certificate stored for the topic ${record.topic} cannot be read.`,
      [record.topic],
    );
  else if (certificate.userId !== record.topic)
    findings.add(
      'push-topic-differs',
      'warning',
      `The push certificate stored for the topic ${record.topic} is itself for ${certificate.userId ?? 'none'}.`,
      [record.topic],
    );
  return certificate;
}

function keyed({ record, certificate }: Opened, findings: FindingLog): PushCertificate {
  const pair = keyedCertificate(certificate, record.key, 'push key');
  if (pair.problem !== null) findings.add('push-key-unreadable', 'error', pair.problem);
  else if (!pair.keyed.keyMatches)
    findings.add('push-key-mismatch', 'error', 'The push key of the source is absent or not its certificate’s.');
  const topic = certificate.userId;
  if (!topic?.startsWith('com.apple.mgmt'))
    findings.add(
      'push-topic-absent',
      'error',
      'The push certificate names no MDM topic (a UID beginning with com.apple.mgmt): it is not an MDM push certificate.',
    );
  return { ...pair.keyed, topic };
}

function day(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().slice(0, 10);
}
