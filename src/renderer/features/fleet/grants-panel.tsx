/** What the account may do and what it still needs, with the statements an administrator runs. */
import type { FleetSummary } from '../../../contract/state';
import { Badge } from '../../components/badge';
import { Code } from '../../components/code';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { counted } from '../../format/number';

interface GrantsPanelProps {
  readonly grants: FleetSummary['grants'];
  readonly database: string;
}

export function GrantsPanel({ grants, database }: GrantsPanelProps): React.JSX.Element {
  const { account, missing, statements, excessive } = grants;
  return (
    <Panel
      title="Grants"
      aside={
        missing.length === 0 ? (
          <Badge tone="good">All that is needed</Badge>
        ) : (
          <Badge tone="caution">{counted(missing.length, 'grant')} missing</Badge>
        )
      }
    >
      <div className="fleet-grants">
        <p>
          The account is <ShortId value={account} label="account" ends={0} />.{' '}
          {missing.length === 0
            ? 'It may read, write and take back the rows of a migration.'
            : 'An administrator gives it what is missing; then look again.'}
        </p>
        {missing.length > 0 && <Missing missing={missing} />}
        {statements.length > 0 && <Code text={statements.join('\n')} label="the GRANT statements" />}
        {excessive.length > 0 && (
          <ProblemNote
            plain
            severity="warning"
            what="The account may do more than it needs."
            why={`A migration needs the rows of a few tables in ${database}, nothing beyond.`}
            remedy="Use an account of its own for this evening, and drop it afterwards."
            code="grants-excessive"
          >
            <ul className="fleet-excessive">
              {excessive.map((grant) => (
                <li key={grant} className="mono">
                  {grant}
                </li>
              ))}
            </ul>
          </ProblemNote>
        )}
      </div>
    </Panel>
  );
}

function Missing({ missing }: Pick<FleetSummary['grants'], 'missing'>): React.JSX.Element {
  return (
    <div className="fleet-table" role="region" aria-label="Grants that are missing" tabIndex={0}>
      <table>
        <caption className="unseen">Grants that are missing</caption>
        <thead>
          <tr>
            <th scope="col">Right</th>
            <th scope="col">Table</th>
            <th scope="col">Needed to</th>
          </tr>
        </thead>
        <tbody>
          {missing.map(({ privilege, table, purpose }) => (
            <tr key={`${privilege} ${table}`}>
              <td>{privilege}</td>
              <td className="mono">{table}</td>
              <td>{purpose}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
