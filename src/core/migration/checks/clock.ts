/**
 * Whether this machine and Fleet's database agree on the time. Certificates are judged by this machine's clock, and what a
 * device did after the import is told by the database's.
 */
import { counted, DAY_MS, hold, pass, skip, warn, type Check } from './check';

const MINUTE_MS = 60_000;
/** A device's contact and its import are told apart by the second; two minutes are what people notice and Kerberos bears. */
const TOLERATED_MS = 2 * MINUTE_MS;

export const CLOCK_CHECK: Check = {
  id: 'clock',
  phase: 'target',
  title: 'The clocks',
  needs: ['fleet'],
  async run({ connection }) {
    const before = Date.now();
    const [row] = await connection.query<{ now: number | string | null }>('SELECT UNIX_TIMESTAMP(NOW(3)) AS now');
    const after = Date.now();
    const theirs = Number(row?.now ?? NaN) * 1000;
    if (!Number.isFinite(theirs) || theirs <= 0)
      return skip('The database did not tell the time.', 'Compare the clocks of this machine and of the server.');
    // The answer was made somewhere between asking and hearing it.
    const ahead = theirs < before ? before - theirs : theirs > after ? after - theirs : 0;
    if (Math.abs(ahead) <= TOLERATED_MS) return pass('This machine and the database agree on the time.');
    const sentence = `This machine’s clock is ${durationOf(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the database’s.`;
    const remedy = 'Set both by the same time server, then read the source and check again.';
    return Math.abs(ahead) < DAY_MS
      ? warn('clock-differs', `${sentence} Times in the journal and in the report will not match Fleet’s.`, remedy)
      : hold(
          'clock-wrong',
          `${sentence} Which certificates are valid is judged by this machine’s: devices would be blocked, or let in, wrongly.`,
          remedy,
        );
  },
};

function durationOf(milliseconds: number): string {
  if (milliseconds < 90 * MINUTE_MS) return counted(Math.round(milliseconds / MINUTE_MS), 'minute');
  if (milliseconds < 2 * DAY_MS) return counted(Math.round(milliseconds / (60 * MINUTE_MS)), 'hour');
  return counted(Math.floor(milliseconds / DAY_MS), 'day');
}
