import { services } from "./ambient/services.ts";
import { crashTests } from "./ambient/suite.ts";

crashTests(services);
