/**
 * A process that applies a plan and may be killed at any time: `node apply-child.mjs '<JSON>'`.
 * Prints `applying` before the first write and the result at the end.
 */
import { readFileSync } from 'node:fs';
import { connectFleet, parseFleetAddress, type FleetTarget } from '../../src/core/fleet/connection';
import { probeSchema } from '../../src/core/fleet/probe';
import { applyPlan } from '../../src/core/migration/apply';
import { parsePlan } from '../../src/core/migration/plan';
import { judge } from '../../src/core/migration/verdict';
import { buildSnapshot } from '../snapshot-builder';

/** What the process is told. */
export interface ApplyOrder {
  readonly url: string;
  readonly planFile: string;
  readonly journalFolder: string;
  readonly devices: number;
  readonly seed: number;
  readonly batchSize: number;
}

/** Begins a line that says how far it came; whoever kills it counts them. */
const REACHED = 'reached ';

const order = JSON.parse(process.argv[2] ?? '{}') as ApplyOrder;
const plan = parsePlan(readFileSync(order.planFile, 'utf8'));
const snapshot = buildSnapshot(order.devices, order.seed);
const target: FleetTarget = {
  address: parseFleetAddress(order.url),
  password: null,
  tls: { mode: 'disabled', caFile: null },
  plaintextConfirmed: false,
  mariaDbAllowed: true,
};
const result = await applyPlan({
  plan,
  connect: () => connectFleet(target, 'write'),
  connectReader: () => connectFleet(target, 'read'),
  probe: probeSchema,
  snapshot,
  judgement: judge(snapshot, Date.parse(plan.at)),
  fresh: null,
  journalFolder: order.journalFolder,
  batchSize: order.batchSize,
  probePoint: (point) => {
    process.stdout.write(`${REACHED}${point}\n`);
    return Promise.resolve();
  },
});
process.stdout.write(`${JSON.stringify({ counts: result.counts, state: result.state, notes: result.notes })}\n`);
