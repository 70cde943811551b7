/* The version of the header and of the library in use. */
#include "check.h"

/* A program that supports several versions asks like this: it must work in the preprocessor. */
#if BQ_VERSION >= 1 && BQ_VERSION_MAJOR >= 0 && BQ_VERSION_MINOR >= 0 && BQ_VERSION_PATCH >= 0
#define PREPROCESSOR_CAN_COMPARE 1
#else
#define PREPROCESSOR_CAN_COMPARE 0
#endif

TEST(the_library_in_use_is_of_the_version_of_the_header) { CHECK_EQ(bq_version(), BQ_VERSION); }

TEST(the_version_can_be_compared_in_the_preprocessor) { CHECK_EQ(PREPROCESSOR_CAN_COMPARE, 1); }

TEST(the_version_is_one_number_made_of_major_minor_and_patch) {
  CHECK_EQ(BQ_VERSION / 10000, BQ_VERSION_MAJOR);
  CHECK_EQ(BQ_VERSION / 100 % 100, BQ_VERSION_MINOR);
  CHECK_EQ(BQ_VERSION % 100, BQ_VERSION_PATCH);
}

TEST(the_version_is_a_constant_expression) {
  static const uint32_t version = BQ_VERSION;
  CHECK_EQ(version, bq_version());
}

CHECK_MAIN()
