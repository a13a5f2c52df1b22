/** Map files that are carried by hand: what sha256sum says of each, on its instance. */
import { FieldRow, TextField } from '../../components/field';
import { useAppState } from '../../stores/app-state';

interface CarriedMapsProps {
  readonly value: Readonly<Record<string, string>>;
  readonly onChange: (value: Record<string, string>) => void;
}

export function CarriedMaps({ value, onChange }: CarriedMapsProps): React.JSX.Element | null {
  const engine = useAppState((state) => state.waves.ladder?.engine ?? null);
  const byHand = engine?.instances.filter((one) => one.byHand) ?? [];
  if (byHand.length === 0) return null;
  return (
    <>
      <p>
        Some instances get their map file by hand. The first try writes the files and stops before anything is switched;
        copy them, and give what <code>sha256sum</code> says of each there.
      </p>
      <FieldRow>
        {byHand.map(({ name, file, map }) => (
          <TextField
            key={name}
            label={`SHA-256 on ${name}`}
            hint={`${file} goes to ${map}`}
            mono
            value={value[name] ?? ''}
            onChange={(typed) => {
              onChange({ ...value, [name]: typed.trim() });
            }}
          />
        ))}
      </FieldRow>
    </>
  );
}
