# Run after a test program was built: asks it for its cases and writes what registers them with
# CTest, one process each. Also finds cases that macros have made.
#
#   cmake -DPROGRAM=<path> -DNAME=<program> -DKIND=<kind> -DTIMEOUT=<s> -DOUT=<file> -P cases.cmake
execute_process(COMMAND "${PROGRAM}" --list OUTPUT_VARIABLE listed RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${PROGRAM} --list failed (${failed}): run it by hand to see why.")
endif()
string(REGEX MATCHALL "[^\n]+" cases "${listed}")
if(NOT cases)
  message(FATAL_ERROR "${PROGRAM} has no cases: define some with TEST(name).")
endif()
set(script "")
foreach(case IN LISTS cases)
  string(APPEND script
    "add_test([=[${NAME}.${case}[${KIND}]]=] [=[${PROGRAM}]=] ${case})\n"
    "set_tests_properties([=[${NAME}.${case}[${KIND}]]=] PROPERTIES"
    " TIMEOUT ${TIMEOUT} SKIP_RETURN_CODE 77)\n")
endforeach()
file(WRITE "${OUT}" "${script}")
