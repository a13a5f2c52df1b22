/** Where the SCEP CA and the push certificate for Fleet come from: the source, files, or not at all. */
import type { PairChoice, PairOrigin } from '../../../contract/given-files';
import { ChoiceField } from '../../components/field';
import { useAppState } from '../../stores/app-state';
import { GivenPile } from './given-pile';
import { choiceOf, choose, useGiven } from './given-store';

const PAIRS: readonly { readonly pair: keyof PairChoice; readonly label: string; readonly files: string }[] = [
  { pair: 'ca', label: 'SCEP CA', files: 'Files of the SCEP CA' },
  { pair: 'push', label: 'Push certificate', files: 'Files of the push certificate' },
];

const WORDS: Readonly<Record<PairOrigin, string>> = {
  source: 'From the source',
  files: 'From files',
  none: 'Leave it as Fleet has it',
};

export function PairOrigins(): React.JSX.Element {
  const hasSource = useAppState((state) => state.source !== null);
  const held = useGiven();
  const choice = choiceOf(held, hasSource);
  const origins = (['source', 'files', 'none'] as const).filter((origin) => hasSource || origin !== 'source');
  return (
    <div className="pair-origins">
      {PAIRS.map(({ pair, label, files }) => (
        <div key={pair} className="pair-origin">
          <ChoiceField
            label={label}
            value={choice[pair]}
            choices={origins.map((value) => ({ value, label: WORDS[value] }))}
            onChange={(origin) => {
              choose(pair, origin);
            }}
          />
          {choice[pair] === 'files' && (
            <GivenPile
              slot={pair}
              label={files}
              hint="Its certificate and its key, in any form: PEM, DER or PKCS#12."
            />
          )}
        </div>
      ))}
    </div>
  );
}
