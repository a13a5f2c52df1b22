/** The process is killed (SIGKILL), at each step on the disk of each command: see every-step.ts. */
import { describe } from 'vitest';
import { breakEveryStep } from './every-step';

describe('a killed process', () => {
  breakEveryStep('kill');
});
