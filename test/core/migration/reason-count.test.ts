import { expect, it } from 'vitest';
import { countReasons } from '../../../src/core/migration/reason-count';
import type { JudgedDevice } from '../../../src/core/migration/verdict';
import type { Severity } from '../../../src/core/sources/snapshot';
import { buildDevice } from '../../snapshot-builder';

const judged = (...reasons: readonly (readonly [Severity, string, string])[]): JudgedDevice => ({
  device: buildDevice(1),
  verdict: 'ready',
  users: [],
  formerCertificates: [],
  reasons: reasons.map(([severity, code, sentence]) => ({ code, severity, sentence, remedy: 'r' })),
});

it('tells a code with each of its few sentences, and once where sentences name devices', () => {
  const devices = [
    judged(['block', 'not-enrolled', 'It left.'], ['note', 'pending', '1 waits.']),
    judged(['block', 'not-enrolled', 'It never finished.'], ['note', 'pending', '2 wait.']),
    judged(['block', 'not-enrolled', 'It left.'], ['note', 'pending', '3 wait.']),
    // A device counts once for each code.
    judged(['caution', 'not-enrolled', 'It may have left.'], ['note', 'pending', '4 wait.'], ['note', 'pending', '5.']),
  ];
  expect(countReasons(devices).map(({ severity, code, sentence, count }) => [severity, code, sentence, count])).toEqual(
    [
      ['block', 'not-enrolled', 'It left.', 2],
      ['block', 'not-enrolled', 'It never finished.', 1],
      ['caution', 'not-enrolled', 'It may have left.', 1],
      ['note', 'pending', '1 waits.', 4],
    ],
  );
  expect(countReasons([])).toEqual([]);
});
