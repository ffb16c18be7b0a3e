import { useId } from "react";

interface ChoiceProps<T extends string> {
  readonly legend: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string; readonly hint?: string }[];
  readonly onChange: (value: T) => void;
  /** "switch": side by side, for two. "list": one below the other, with hints. */
  readonly look: "switch" | "list";
}

/** A group of radio buttons. */
export function Choice<T extends string>({ legend, value, options, onChange, look }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className={`choice ${look}`}>
      <legend>{legend}</legend>
      <div className="options">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span className="label">{option.label}</span>
            {option.hint && <span className="hint">{option.hint}</span>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
