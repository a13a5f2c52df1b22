/** Fields of a form: label above, hint below it, the error in place. Values are held by the caller. */
import { Checkbox, Select, TextInput } from '@mantine/core';
import './field.css';

interface Common {
  readonly label: React.ReactNode;
  readonly hint?: React.ReactNode;
  readonly error?: string | null | undefined;
  readonly disabled?: boolean | undefined;
}

interface TextFieldProps extends Common {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onBlur?: (() => void) | undefined;
  readonly placeholder?: string | undefined;
  /** For ids, paths, host names. */
  readonly mono?: boolean | undefined;
  readonly inputMode?: 'numeric' | 'url' | undefined;
  /** A button at the end of the field. */
  readonly aside?: React.ReactNode;
  readonly 'data-autofocus'?: boolean | undefined;
}

export function TextField({
  label,
  hint,
  error,
  value,
  onChange,
  onBlur,
  placeholder,
  mono = false,
  disabled = false,
  inputMode,
  aside,
  'data-autofocus': autofocus,
}: TextFieldProps): React.JSX.Element {
  return (
    <TextInput
      label={label}
      description={hint}
      error={error}
      value={value}
      placeholder={placeholder}
      disabled={disabled}
      inputMode={inputMode}
      spellCheck={false}
      autoComplete="off"
      data-autofocus={autofocus}
      {...(aside === undefined
        ? {}
        : {
            inputContainer: (input: React.ReactNode) => (
              <div className="field-with-aside">
                {input}
                {aside}
              </div>
            ),
          })}
      classNames={{ input: mono ? 'field-mono' : '' }}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
      onBlur={onBlur}
    />
  );
}

interface ChoiceFieldProps<T extends string> extends Common {
  readonly value: T;
  readonly choices: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}

export function ChoiceField<T extends string>({
  label,
  hint,
  error,
  value,
  choices,
  onChange,
  disabled = false,
}: ChoiceFieldProps<T>): React.JSX.Element {
  return (
    <Select
      label={label}
      description={hint}
      error={error}
      value={value}
      disabled={disabled}
      data={choices.map((choice) => ({ ...choice }))}
      onChange={(chosen) => {
        const known = choices.find((choice) => choice.value === chosen);
        if (known !== undefined) onChange(known.value);
      }}
    />
  );
}

interface CheckFieldProps extends Common {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function CheckField({
  label,
  hint,
  error,
  checked,
  onChange,
  disabled = false,
}: CheckFieldProps): React.JSX.Element {
  return (
    <Checkbox
      size="xs"
      label={label}
      description={hint}
      error={error}
      checked={checked}
      disabled={disabled}
      onChange={(event) => {
        onChange(event.currentTarget.checked);
      }}
    />
  );
}

/** Fields one below the other. */
export function Fields({ children }: { readonly children: React.ReactNode }): React.JSX.Element {
  return <div className="fields">{children}</div>;
}

/** Fields beside each other, as far as there is room. */
export function FieldRow({ children }: { readonly children: React.ReactNode }): React.JSX.Element {
  return <div className="field-row">{children}</div>;
}
