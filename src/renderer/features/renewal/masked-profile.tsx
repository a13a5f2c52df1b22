/** The profile to look at, line by line; what is or may be a secret stands there as length and hash. */
import type { JudgedProfileShown } from '../../../contract/renewal';
import { ShortId } from '../../components/short-id';
import { counted } from '../../format/number';

export function MaskedProfile({ judged }: { readonly judged: JudgedProfileShown }): React.JSX.Element {
  const { lines, sha256 } = judged;
  const masked = lines.filter((line) => line.masked).length;
  return (
    <details className="masked">
      <summary>
        Look at the profile <span className="muted">{counted(masked, 'value')} masked</span>
      </summary>
      <p className="muted">
        SHA-256 of the XML <ShortId value={sha256} label="SHA-256" ends={12} />
      </p>
      <div className="masked-lines" role="region" aria-label="The profile, secrets masked" tabIndex={0}>
        {lines.map(({ depth, key, value, masked: hidden }, index) => (
          <div key={index} className="masked-line" style={{ paddingInlineStart: `${depth * 16}px` }}>
            <span className="masked-key">{key === null ? '–' : key}</span>
            <span className={hidden ? 'masked-secret' : ''}>{value}</span>
          </div>
        ))}
      </div>
    </details>
  );
}
