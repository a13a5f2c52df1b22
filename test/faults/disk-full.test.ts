/** The disk is full, at each step on the disk of each command: see every-step.ts. */
import { describe } from 'vitest';
import { breakEveryStep } from './every-step';

describe('a full disk', () => {
  breakEveryStep('full');
});
