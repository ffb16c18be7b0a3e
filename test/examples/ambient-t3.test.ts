import { crashTests } from "./ambient/suite.ts";
import { t3 } from "./ambient/t3.ts";

crashTests(t3);
