/** What belongs to a source and lies elsewhere: its SCEP CA, its push certificate, its enrollment profile. */
import { useState } from 'react';
import { Fields } from '../../components/field';
import { ChoiceCards, type ChoiceCard } from '../../components/choice-cards';
import { Panel } from '../../components/panel';
import { PathField } from '../../components/path-field';
import { SecretField } from '../../components/secret-field';
import { secretOfSource } from '../../../contract/source-secrets';
import { changeBeside, useWayDraft, wayProblems, type Aim } from './source-draft';

type CaFrom = 'depot' | 'files';

const CA_FROM: readonly ChoiceCard<CaFrom>[] = [
  { value: 'depot', label: 'SCEP depot', sentence: 'The SCEP server’s folder, with all it issued.' },
  { value: 'files', label: 'Two files', sentence: 'The CA’s certificate and its key.' },
];

export function BesideFields({ aim }: { readonly aim: Aim }): React.JSX.Element {
  const { way, tried } = useWayDraft(aim);
  const { beside, server, slot } = way;
  const problems = tried ? wayProblems(way) : {};
  const [chosen, setChosen] = useState<CaFrom | null>(null);
  // Beside a table it is mostly files.
  const from = chosen ?? (beside.scepCa !== '' || (server === 'csv' && beside.scepDepot === '') ? 'files' : 'depot');
  const path = (name: keyof typeof beside, error: string | null = null) => ({
    value: beside[name],
    error,
    step: 'source' as const,
    onChange: (value: string) => {
      changeBeside(aim, { [name]: value });
    },
  });
  return (
    <Panel
      title="What belongs to it"
      sentence="Devices go on with the certificates they have, so Fleet needs the CA that issued them."
    >
      <Fields>
        <ChoiceCards
          row
          label="SCEP CA"
          choices={CA_FROM}
          value={from}
          onChange={(value) => {
            setChosen(value);
            // Only one of the two counts.
            changeBeside(aim, value === 'depot' ? { scepCa: '', scepCaKey: '' } : { scepDepot: '' });
          }}
        />
        {from === 'depot' ? (
          <PathField label="Depot" placeholder="/var/lib/scep/depot" purpose="scep-depot" {...path('scepDepot')} />
        ) : (
          <>
            <PathField label="CA certificate" placeholder="ca.pem" purpose="certificate" {...path('scepCa')} />
            <PathField
              label="CA key"
              placeholder="ca.key"
              purpose="private-key"
              {...path('scepCaKey', problems.scepCaKey ?? null)}
            />
          </>
        )}
        <SecretField
          kind={secretOfSource('source-key-passphrase', slot)}
          label="Passphrase of the key"
          hint="Only where one was set; the SCEP server itself sets none."
          fromFile
        />
        {server === 'csv' && (
          <>
            <PathField
              label="Push certificate"
              placeholder="push.pem"
              purpose="certificate"
              {...path('pushCertificate')}
            />
            <PathField
              label="Push certificate’s key"
              placeholder="push.key"
              purpose="private-key"
              {...path('pushKey', problems.pushKey ?? null)}
            />
          </>
        )}
        <PathField
          label="Enrollment profile"
          hint="The one devices enrolled with: redirects and silent renewal are worked out from it."
          placeholder="enroll.mobileconfig"
          purpose="enrollment-profile"
          {...path('profile')}
        />
      </Fields>
    </Panel>
  );
}
