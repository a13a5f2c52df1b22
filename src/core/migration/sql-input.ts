/** What a SQL file is written from: the devices that go in, their rows, and the facts for its head. */
import type { TargetSchema } from '../fleet/schema';
import { chosen, type Sequence } from '../sequence';
import type { Snapshot, SourceDevice } from '../sources/snapshot';
import { inKeyOrder } from './key-order';
import { isWritten, schemaOfPlan, type Plan } from './plan';
import { deriveRows } from './rows';
import type { SqlInput } from './sql';
import type { JudgedDevice, Judgement } from './verdict';

/** The input for devices chosen from a judged source. They are written in the order of Fleet's keys. */
export function sqlInputOf(input: {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  readonly schema: TargetSchema;
  /** Only those that go in. */
  readonly devices: Sequence<JudgedDevice>;
  readonly teamOf: (device: SourceDevice) => number | null;
}): SqlInput {
  const { snapshot, judgement, schema, devices, teamOf } = input;
  const { kind, sha256, txid } = snapshot.source;
  return {
    schema,
    devices: inKeyOrder(devices, ({ device }) => device.udid),
    rows: (judged) => deriveRows(judged, { schema, instant: snapshot.instant, teamId: teamOf(judged.device) }),
    facts: {
      sourceKind: kind,
      sourceSha256: sha256,
      sourceTxid: txid,
      instant: snapshot.instant,
      counts: judgement.counts,
      goingIn: devices.length,
    },
  };
}

/** The input for what a plan inserts and refreshes. */
export function sqlInputOfPlan(plan: Plan, snapshot: Snapshot, judgement: Judgement): SqlInput {
  const going = new Map(plan.devices.filter(isWritten).map((device) => [device.udid, device]));
  return sqlInputOf({
    snapshot,
    judgement,
    schema: schemaOfPlan(plan),
    devices: chosen(
      judgement.devices,
      ({ device, verdict }) => verdict !== 'blocked' && device.udid !== null && going.has(device.udid),
    ),
    teamOf: ({ udid }) => going.get(udid ?? '')?.teamId ?? null,
  });
}
