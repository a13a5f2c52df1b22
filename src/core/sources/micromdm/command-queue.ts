/**
 * mdm.DeviceCommands: what still waits for a device (spec 2.9). Nearly all of the bucket is history, which is
 * skipped without being decoded. Payloads are secret; only their request types leave this file.
 */
import { isSignedData, unwrapSignedData } from '../../certificates/cms';
import type { PendingCommands } from '../snapshot';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

const queueMessage = new MessageType({ pending: [2, 'messages'], notNow: [5, 'messages'] });
const commandMessage = new MessageType({ payload: [2, 'bytes'] });

/** Beyond this a payload is counted but not looked into. */
const MAX_PAYLOAD = 16 * 1024 * 1024;
const REQUEST_TYPE = '<key>RequestType</key>';
const PAYLOAD = '<key>Payload</key>';
const MDM_PAYLOAD = '<string>com.apple.mdm</string>';

/** Commands waiting, by UDID (or user id); null when the server keeps its queue in memory. */
export function readCommandQueue(reading: Reading): Map<string, PendingCommands> | null {
  if (!reading.has(BUCKET.commands)) {
    reading.findings.add(
      'queue-absent',
      'info',
      'The source keeps no command queue on disk (-queue=inmem): commands still waiting cannot be counted.',
    );
    return null;
  }
  const queues = new Map<string, PendingCommands>();
  reading.entries(BUCKET.commands, ({ key, value }) => {
    const decoded = queueMessage.decode(value);
    if (!decoded.ok) {
      reading.undecodable(BUCKET.commands, key, decoded.error);
      return;
    }
    const { pending, notNow } = decoded.message;
    const count = pending.length + notNow.length;
    if (count === 0) return;
    const requestTypes = new Set<string>();
    let enrollmentProfile = false;
    for (const command of [...pending, ...notNow]) {
      const inner = commandMessage.decode(command);
      const payload = inner.ok ? inner.message.payload : null;
      const type = payload ? requestTypeOf(payload) : null;
      requestTypes.add(type ?? 'unknown');
      if (payload && type === 'InstallProfile') enrollmentProfile ||= carriesEnrollment(payload);
    }
    queues.set(key.toString('utf8'), { count, requestTypes: [...requestTypes].sort(), enrollmentProfile });
  });
  return queues;
}

/** The RequestType of a command plist, found without parsing it; null when there is none. */
export function requestTypeOf(payload: Buffer): string | null {
  if (payload.length > MAX_PAYLOAD) return null;
  const at = payload.indexOf(REQUEST_TYPE);
  if (at < 0) return null;
  const after = payload.toString('latin1', at + REQUEST_TYPE.length, at + REQUEST_TYPE.length + 160);
  return /^\s*<string>([A-Za-z]{1,64})<\/string>/.exec(after)?.[1] ?? null;
}

/** Whether an InstallProfile command installs a profile with a com.apple.mdm payload. */
function carriesEnrollment(payload: Buffer): boolean {
  const key = payload.indexOf(PAYLOAD);
  const start = key < 0 ? -1 : payload.indexOf('<data>', key);
  const end = start < 0 ? -1 : payload.indexOf('</data>', start);
  if (end < 0 || payload.length > MAX_PAYLOAD) return false;
  const profile = Buffer.from(payload.toString('latin1', start + 6, end), 'base64');
  const plain = isSignedData(profile) ? (unwrapSignedData(profile) ?? profile) : profile;
  return plain.includes(MDM_PAYLOAD);
}
