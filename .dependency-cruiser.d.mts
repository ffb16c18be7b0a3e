import type { ICruiseOptions, IForbiddenRuleType } from "dependency-cruiser";

export declare const walls: Readonly<Record<string, readonly string[]>>;
declare const config: { readonly forbidden: IForbiddenRuleType[]; readonly options: ICruiseOptions };
export default config;
