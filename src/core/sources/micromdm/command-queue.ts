/**
 * mdm.DeviceCommands: what still waits for a device (spec 2.9). Nearly all of the bucket is history, which is
 * skipped without being decoded. Payloads are secret; only their request types leave this file.
 */
import { carriesEnrollment, requestTypeOf } from '../command-payload';
import type { PendingCommands } from '../snapshot';
import { MessageType } from './protobuf';
import { BUCKET, type Reading } from './reading';

const queueMessage = new MessageType({ pending: [2, 'messages'], notNow: [5, 'messages'] });
const commandMessage = new MessageType({ payload: [2, 'bytes'] });

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
