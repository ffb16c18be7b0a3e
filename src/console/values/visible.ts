/**
 * Characters that would not be seen, or would make what is around them look other than it is: controls, marks that change the
 * direction of writing, what has no width, and halves of a pair. One of them is a part of many emoji.
 */
const UNSEEN = /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** A part of a text, as it is or written as an escape such as `\u202e`. */
export interface VisiblePart {
  readonly text: string;
  readonly isEscape: boolean;
}

/** Writes what would not be seen as escapes, each a part of its own. `kept` are unseen characters that stay. */
export function visibleParts(text: string, kept = ""): readonly VisiblePart[] {
  const parts: VisiblePart[] = [];
  let end = 0;
  for (const { 0: unseen, index } of text.matchAll(UNSEEN)) {
    if (!kept.includes(unseen)) {
      parts.push(
        { text: text.slice(end, index), isEscape: false },
        { text: escaped(unseen), isEscape: true },
      );
      end = index + unseen.length;
    }
  }
  parts.push({ text: text.slice(end), isEscape: false });
  return parts.filter((part) => part.text !== "");
}

/** A text in double quotes, as JavaScript writes it, in which every character can be seen. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNSEEN, escaped);
}

/** As {@link visibleParts}, in one text: for a title, where nothing can be set apart. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}
