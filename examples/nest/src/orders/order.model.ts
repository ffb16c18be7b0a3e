import { Field, Int, ObjectType } from "@nestjs/graphql";

@ObjectType()
export class Order {
  @Field(() => Int)
  id!: number;

  @Field()
  customer!: string;

  @Field()
  product!: string;

  @Field(() => Int)
  quantity!: number;
}
