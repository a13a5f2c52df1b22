/** What an engine's call failed with. */
import { attempt, type Failure } from '../../src/core/failure';

/** The failure a piece of work must end with; a defect is thrown on. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const done = await attempt(() => work);
  if (done.ok) throw new Error(`it did not fail: ${JSON.stringify(done.value).slice(0, 400)}`);
  return done.failure;
}
