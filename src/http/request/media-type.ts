/** A media type without its parameters, in lower case. */
export function mediaType(contentType: string): string {
  return contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

export function isJsonType(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

export function isJson(headers: Headers): boolean {
  return isJsonType(mediaType(headers.get("content-type") ?? ""));
}
