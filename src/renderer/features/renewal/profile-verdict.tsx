/** What the checker says of a profile: Apple’s answer, Fleet’s answer, what is wrong, and field by field what differs. */
import { useState } from 'react';
import type { JudgedProfileShown, ProfileComparisonShown } from '../../../contract/renewal';
import { Badge } from '../../components/badge';
import { CheckField } from '../../components/field';
import { ProblemNote } from '../../components/problem-note';
import { ToneIcon } from '../../components/severity-icon';
import '../../components/plain-table.css';
import { counted } from '../../format/number';

type Group = ProfileComparisonShown['groups'][number];

export function ProfileVerdict({ judged }: { readonly judged: JudgedProfileShown }): React.JSX.Element {
  const { verdict, renews, groups, problems } = judged.comparison;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const accepting = groups.filter(({ accepted }) => accepted).length;
  return (
    <>
      <dl className="verdicts" aria-label="Verdict">
        <div>
          <dt>The check</dt>
          <dd>
            <Badge tone={{ pass: 'good', warning: 'caution', fail: 'bad' }[verdict] as 'good' | 'caution' | 'bad'}>
              {{ pass: 'Passed', warning: 'Not proven', fail: 'Failed' }[verdict]}
            </Badge>{' '}
            {verdict === 'pass'
              ? 'Nothing was found.'
              : [
                  ...(errors.length > 0 ? [counted(errors.length, 'error')] : []),
                  ...(warnings.length > 0 ? [counted(warnings.length, 'warning')] : []),
                ].join(', ')}
          </dd>
        </div>
        <div>
          <dt>Apple</dt>
          <dd>
            {groups.length === 0 ? (
              <>
                <Badge tone="caution">Unknown</Badge> There is no installed profile to hold it against.
              </>
            ) : (
              <>
                <Badge tone={accepting === groups.length ? 'good' : 'bad'}>
                  {accepting === groups.length ? 'Would take it' : 'Would refuse it'}
                </Badge>{' '}
                {groups.length === 1
                  ? 'as an update of the installed profile'
                  : `as an update in ${accepting} of ${counted(groups.length, 'group')}`}
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Fleet</dt>
          <dd>
            <Badge tone={renews ? 'good' : 'bad'}>{renews ? 'Would renew' : 'Would not renew'}</Badge>{' '}
            {renews ? 'devices with it' : 'devices with it; see below'}
          </dd>
        </div>
      </dl>
      {[...errors, ...warnings].map((problem, index) => (
        <ProblemNote
          key={`${problem.code} ${problem.field ?? ''} ${problem.group ?? ''} ${index}`}
          plain
          severity={problem.severity}
          what={problem.sentence}
          why={[
            problem.field === null ? '' : `Field ${problem.field}.`,
            problem.group === null || groups.length < 2 ? '' : `Group ${problem.group + 1}.`,
          ]
            .join(' ')
            .trim()}
          remedy={problem.remedy}
          code={problem.code}
        />
      ))}
      {groups.map((group, index) => (
        <FieldTable key={index} group={group} number={groups.length > 1 ? index + 1 : null} />
      ))}
    </>
  );
}

/** One group of devices: the new profile beside the installed one. */
function FieldTable({ group, number }: { readonly group: Group; readonly number: number | null }): React.JSX.Element {
  const { names, differsIn, accepted, fields } = group;
  const differing = fields.filter(({ same }) => !same);
  const [only, setOnly] = useState(differing.length > 0);
  const shown = only ? differing : fields;
  const files = names.map((name) => name.split(/[\\/]/).at(-1)).join(', ');
  return (
    <section className="field-group" aria-label={number === null ? 'Field by field' : `Group ${number}`}>
      <div className="field-group-head">
        <h3>
          {number === null ? 'Beside ' : `Group ${number}: `}
          <span className="mono" title={names.join('\n')}>
            {files}
          </span>
        </h3>
        <Badge tone={accepted ? 'good' : 'bad'}>{accepted ? 'Apple would take it' : 'Apple would refuse it'}</Badge>
        <CheckField label="Only what differs" checked={only} onChange={setOnly} />
      </div>
      {differsIn.length > 0 && <p className="muted">Differs from group 1 in {differsIn.join(', ')}.</p>}
      {shown.length === 0 ? (
        <p className="muted">No field that must stay differs.</p>
      ) : (
        <table className="plain-table fields-table">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">The new profile</th>
              <th scope="col">Installed</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ field, candidate, installed, same }) => (
              <tr key={field} className={same ? '' : 'field-differs'}>
                <th scope="row">
                  <span className="field-name">
                    <ToneIcon tone={same ? 'good' : 'bad'} />
                    <span className="unseen">{same ? 'the same: ' : 'differs: '}</span>
                    {field}
                  </span>
                </th>
                <td className="mono">{candidate ?? <span className="muted">absent</span>}</td>
                <td className="mono">{same ? <span className="muted">the same</span> : (installed ?? 'absent')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
