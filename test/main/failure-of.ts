import { FailureError, type Failure } from '../../src/core/failure';

/** The failure some work ends with; an error when it does not. */
export async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
}
