/** mdm.ServerConfig: the APNs push certificate and its key (spec 2.3). */
import { readCertificate } from '../../certificates/der';
import { readCertificateBytes } from '../../certificates/pem';
import { keyedCertificate } from '../keyed-certificate';
import type { PushCertificate } from '../snapshot';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

const serverConfig = new MessageType({ certificate: [1, 'bytes'], key: [2, 'bytes'] });

/** The push certificate; null (with a finding) when absent or unreadable. */
export function readPushCertificate(reading: Reading): PushCertificate | null {
  const { findings } = reading;
  const value = reading.value(BUCKET.serverConfig, 'config');
  const decoded = value ? serverConfig.decode(Buffer.from(value)) : null;
  if (decoded && !decoded.ok) reading.undecodable(BUCKET.serverConfig, Buffer.from('config'), decoded.error);
  const stored = decoded?.ok ? decoded.message.certificate : null;
  if (!stored || stored.length === 0) {
    findings.add('push-certificate-absent', 'error', 'No push certificate was ever uploaded to this MicroMDM.');
    return null;
  }
  const blocks = readCertificateBytes(stored);
  const certificate = blocks[0] ? readCertificate(Buffer.from(blocks[0])) : null;
  if (!certificate) {
    findings.add('push-certificate-unreadable', 'error', 'The push certificate of the source cannot be read.');
    return null;
  }
  if (blocks.length > 1)
    findings.add(
      'push-certificate-several-blocks',
      'info',
      `The stored push certificate is followed by ${blocks.length - 1} more; MicroMDM uses the first only, and so do we.`,
    );
  const key = decoded?.ok ? decoded.message.key : null;
  const { keyed, problem } = keyedCertificate(certificate, key, 'push key');
  if (problem) findings.add('push-key-unreadable', 'error', problem);
  else if (!keyed.keyMatches)
    findings.add('push-key-mismatch', 'error', 'The push key of the source is absent or not its certificate’s.');
  const topic = certificate.userId;
  if (!topic?.startsWith('com.apple.mgmt'))
    findings.add(
      'push-topic-absent',
      'error',
      'The push certificate names no MDM topic (a UID beginning with com.apple.mgmt): it is not an MDM push certificate.',
    );
  return { ...keyed, topic };
}
